#include "crosstalk/image/shapes.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include <fmt/format.h>

#include "canvas.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

namespace {

constexpr std::size_t kSide = 32;
enum Task : std::size_t { kSegmentation, kDepth, kNormals };
enum Figure : std::size_t { kBackground, kDisc, kSquare, kTriangle, kCross, kFigures };

struct Drawn {
  Figure figure = kBackground;
  double depth = 1.0;
  double radius = 0.0;  // pixels
  double x = 0.0;
  double y = 0.0;
  std::array<double, 3> normal = {0.0, 0.0, 1.0};
};

Drawn draw(Figure figure, Rng& rng) {
  Drawn drawn{figure, rng.uniform()};
  drawn.radius = 9.0 - 4.5 * drawn.depth;
  drawn.x = rng.uniform(4.0, static_cast<double>(kSide) - 4.0);
  drawn.y = rng.uniform(4.0, static_cast<double>(kSide) - 4.0);
  const double tilt = rng.uniform(0.0, std::numbers::pi / 4.0);
  const double direction = rng.uniform(0.0, 2.0 * std::numbers::pi);
  drawn.normal = {std::sin(tilt) * std::cos(direction), std::sin(tilt) * std::sin(direction), std::cos(tilt)};
  return drawn;
}

// u and v: from the figure's centre, in radii; v downwards.
bool covers(Figure figure, double u, double v) {
  switch (figure) {
    case kDisc: return u * u + v * v <= 1.0;
    case kSquare: return std::max(std::abs(u), std::abs(v)) <= 0.85;
    case kTriangle: return v <= 0.8 && 2.0 * std::abs(u) <= v + 1.0;
    case kCross: return std::max(std::abs(u), std::abs(v)) <= 1.0 && std::min(std::abs(u), std::abs(v)) <= 0.35;
    default: return false;
  }
}

class Shapes : public Source {
 public:
  explicit Shapes(const ShapesOptions& options) : options_(options) {}

  [[nodiscard]] std::size_t size() const override { return options_.images; }
  [[nodiscard]] Shape shape() const override { return {1, kSide, kSide}; }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return tasks_; }
  [[nodiscard]] std::string stem(std::size_t index) const override { return fmt::format("{:06}", index); }

  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    require_range(*this, first, count);
    Batch batch{
        first,
        shape(),
        std::vector<std::uint8_t>(count * shape().values()),
        Eigen::MatrixXd::Constant(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(tasks_.size()), kMissing),
        {}};
    for (const TaskInfo& task : tasks_) batch.maps.emplace_back(count * map_values(task, shape()));
    for (std::size_t row = 0; row < count; ++row) {
      Rng rng = Rng::stream(options_.seed, options_.test ? "shapes-dense/test" : "shapes-dense/train", first + row);
      Canvas canvas = textured(kSide, rng);
      std::array<Drawn, kFigures> scene = {};  // far to near; the first is the background
      for (std::size_t f = 1; f < kFigures; ++f) scene[f] = draw(static_cast<Figure>(f), rng);
      std::stable_sort(scene.begin(), scene.end(), [](const Drawn& a, const Drawn& b) { return a.depth > b.depth; });
      paint(scene, canvas, batch.maps, row);
      finish(canvas, rng, batch.image(row));
    }
    return batch;
  }

 private:
  static void paint(const std::array<Drawn, kFigures>& scene, Canvas& canvas, std::vector<Maps>& maps,
                    std::size_t row) {
    constexpr std::size_t plane = kSide * kSide;
    for (const Drawn& drawn : scene)
      for (std::size_t p = 0; p < plane; ++p) {
        const double u = (static_cast<double>(p % kSide) + 0.5 - drawn.x) / drawn.radius;
        const double v = (static_cast<double>(p / kSide) + 0.5 - drawn.y) / drawn.radius;
        if (drawn.figure != kBackground) {
          if (!covers(drawn.figure, u, v)) continue;
          canvas.grey[p] = 0.70 - 0.28 * drawn.depth + 0.12 * (drawn.normal[0] * u + drawn.normal[1] * v);
        }
        maps[kSegmentation][row * plane + p] = static_cast<float>(drawn.figure);
        maps[kDepth][row * plane + p] = static_cast<float>(drawn.depth);
        for (std::size_t c = 0; c < 3; ++c)
          maps[kNormals][(row * 3 + c) * plane + p] = static_cast<float>(drawn.normal[c]);
      }
  }

  ShapesOptions options_;
  std::vector<TaskInfo> tasks_ = {
      {"segmentation", Kind::Segmentation, {"background", "disc", "square", "triangle", "cross"}},
      {"depth", Kind::Depth, {}},
      {"normals", Kind::Normals, {}}};
};

}  // namespace

std::unique_ptr<Source> open_shapes(const ShapesOptions& options) {
  if (options.images == 0) throw std::invalid_argument("open_shapes: 0 images; there must be one at least");
  return std::make_unique<Shapes>(options);
}

}  // namespace crosstalk::image
