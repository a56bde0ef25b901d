#include "crosstalk/image/garments.hpp"

#include <array>
#include <stdexcept>
#include <utility>

#include <fmt/format.h>

#include "canvas.hpp"
#include "crosstalk/data/idx.hpp"
#include "crosstalk/error.hpp"
#include "crosstalk/rng.hpp"

namespace crosstalk::image {

namespace {

constexpr std::size_t kSide = 28;
constexpr std::size_t kKinds = 10;
const std::vector<std::string> kGarments = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                            "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};

struct Photos {
  data::IdxArray images;
  data::IdxArray labels;
};

Photos read_photos(const std::filesystem::path& folder, bool test) {
  const std::string part = test ? "t10k" : "train";
  const auto path = folder / (part + "-images-idx3-ubyte.gz");
  const auto labels = folder / (part + "-labels-idx1-ubyte.gz");
  Photos photos{data::read_idx(path), data::read_idx(labels)};
  const auto& shape = photos.images.shape;
  if (shape.size() != 3 || shape[0] == 0 || shape[1] != kSide || shape[2] != kSide || photos.labels.shape.size() != 1 ||
      photos.labels.size() != shape[0])
    throw DataError(path.string() + ": not 28 x 28 images with as many labels");
  for (std::size_t i = 0; i < shape[0]; ++i)
    if (*photos.labels.item(i) >= kKinds)
      throw DataError(fmt::format("{}: image {} has the label {}; 0 to 9 are expected", labels.string(), i,
                                  *photos.labels.item(i)));
  return photos;
}

struct Placement {
  std::size_t top = 0;
  std::size_t left = 0;
  std::size_t size = 0;
  std::size_t quarter_turns = 0;
  double contrast = 0.0;
};

// Adds the photo, scaled down by the mean over 4 x 4 points a pixel.
void add_garment(Canvas& canvas, const unsigned char* photo, const Placement& place) {
  constexpr std::size_t points = 4;
  const std::size_t grid = place.size * points;
  for (std::size_t y = 0; y < place.size; ++y)
    for (std::size_t x = 0; x < place.size; ++x) {
      unsigned sum = 0;
      for (std::size_t p = 0; p < points * points; ++p) {
        std::size_t v = (y * points + p / points) * kSide / grid;
        std::size_t u = (x * points + p % points) * kSide / grid;
        for (std::size_t turn = 0; turn < place.quarter_turns; ++turn) v = std::exchange(u, kSide - 1 - v);
        sum += photo[v * kSide + u];
      }
      canvas.grey[(place.top + y) * canvas.side + place.left + x] += place.contrast * sum / (255.0 * points * points);
    }
}

class Garments : public Source {
 public:
  Garments(Photos photos, const GarmentsOptions& options, std::string key, std::size_t side,
           std::vector<TaskInfo> tasks)
      : photos_(std::move(photos)), options_(options), key_(std::move(key)), side_(side), tasks_(std::move(tasks)) {}

  [[nodiscard]] std::size_t size() const override { return options_.images; }
  [[nodiscard]] Shape shape() const override { return {1, side_, side_}; }
  [[nodiscard]] const std::vector<TaskInfo>& tasks() const override { return tasks_; }
  [[nodiscard]] std::string stem(std::size_t index) const override { return fmt::format("{:06}", index); }

  [[nodiscard]] Batch read(std::size_t first, std::size_t count) const override {
    require_range(*this, first, count);
    Batch batch{first, shape(), std::vector<std::uint8_t>(count * shape().values()),
                Eigen::MatrixXd(static_cast<Eigen::Index>(count), static_cast<Eigen::Index>(tasks_.size()))};
    for (std::size_t row = 0; row < count; ++row) {
      Rng rng = Rng::stream(options_.seed, key_ + (options_.test ? "/test" : "/train"), first + row);
      Canvas canvas = textured(side_, rng);
      compose(canvas, rng, batch.labels.row(static_cast<Eigen::Index>(row)));
      finish(canvas, rng, batch.image(row));
    }
    return batch;
  }

 protected:
  virtual void compose(Canvas& canvas, Rng& rng,
                       Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> labels) const = 0;

  // Draws a photo and adds it; returns its kind.
  std::size_t add_any(Canvas& canvas, Rng& rng, const Placement& place) const {
    const std::size_t photo = rng.below(photos_.images.size());
    add_garment(canvas, photos_.images.item(photo), place);
    return *photos_.labels.item(photo);
  }

 private:
  Photos photos_;
  GarmentsOptions options_;
  std::string key_;
  std::size_t side_;
  std::vector<TaskInfo> tasks_;
};

class OneGarment : public Garments {
 public:
  OneGarment(Photos photos, const GarmentsOptions& options)
      : Garments(std::move(photos), options, "garments-3", kCanvas,
                 {{"garment", Kind::Classes, kGarments},
                  {"rotation", Kind::Classes, {"0", "90", "180", "270"}},
                  {"size", Kind::Binary, {"small", "large"}}}) {}

 protected:
  void compose(Canvas& canvas, Rng& rng,
               Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> labels) const override {
    const std::size_t turns = rng.below(4);
    const std::size_t large = rng.below(2);
    const std::size_t size = large == 1 ? 18 : 13;
    const std::size_t top = rng.below(kCanvas - size + 1);
    const std::size_t left = rng.below(kCanvas - size + 1);
    const std::size_t kind = add_any(canvas, rng, {top, left, size, turns, 0.3});
    labels << static_cast<double>(kind), static_cast<double>(turns), static_cast<double>(large);
  }

 private:
  static constexpr std::size_t kCanvas = 20;
};

class FourGarments : public Garments {
 public:
  FourGarments(Photos photos, const GarmentsOptions& options)
      : Garments(std::move(photos), options, "garments-40", kCanvas, binary_tasks()) {
    for (std::size_t task = 0; task < kTasks; ++task) {
      Rng rng = Rng::stream(options.seed, "garments-40/halves", task);
      const auto order = rng.permutation(kKinds);
      for (std::size_t i = 0; i < kKinds; ++i) second_half_[task][order[i]] = i >= kKinds / 2;
    }
  }

 protected:
  void compose(Canvas& canvas, Rng& rng,
               Eigen::Ref<Eigen::RowVectorXd, 0, Eigen::InnerStride<>> labels) const override {
    for (std::size_t place = 0; place < kPlaces; ++place) {
      const std::size_t kind = add_any(canvas, rng, {1 + (place / 2) * 10, 1 + (place % 2) * 10, 10, 0, 0.4});
      for (std::size_t t = 0; t < kSplits; ++t)
        labels(static_cast<Eigen::Index>(place * kSplits + t)) = second_half_[place * kSplits + t][kind] ? 1.0 : 0.0;
    }
  }

 private:
  static constexpr std::size_t kCanvas = 22;
  static constexpr std::size_t kPlaces = 4;
  static constexpr std::size_t kSplits = 10;
  static constexpr std::size_t kTasks = kPlaces * kSplits;

  static std::vector<TaskInfo> binary_tasks() {
    std::vector<TaskInfo> tasks;
    for (std::size_t place = 0; place < kPlaces; ++place)
      for (std::size_t t = 0; t < kSplits; ++t)
        tasks.push_back({fmt::format("place{}-half{}", place + 1, t + 1), Kind::Binary, {"0", "1"}});
    return tasks;
  }

  std::array<std::array<bool, kKinds>, kTasks> second_half_{};
};

}  // namespace

const std::vector<std::string>& garment_sets() {
  static const std::vector<std::string> names = {"garments-3", "garments-40"};
  return names;
}

std::unique_ptr<Source> open_garments(const std::string& name, const std::filesystem::path& folder,
                                      const GarmentsOptions& options) {
  if (name != "garments-3" && name != "garments-40")
    throw std::invalid_argument(fmt::format("open_garments: \"{}\" is neither garments-3 nor garments-40", name));
  if (options.images == 0) throw std::invalid_argument("open_garments: 0 images; there must be one at least");
  Photos photos = read_photos(folder, options.test);
  if (name == "garments-3") return std::make_unique<OneGarment>(std::move(photos), options);
  return std::make_unique<FourGarments>(std::move(photos), options);
}

}  // namespace crosstalk::image
