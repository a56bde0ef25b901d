#include "crosstalk/image/network/loader.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <stdexcept>

namespace crosstalk::image {

namespace {

constexpr std::size_t kRun = 64;

MiniBatch select(const MiniBatch& from, const std::vector<std::int64_t>& positions, torch::Device device) {
  const auto index = torch::tensor(positions);
  const auto rows_of = [&](const torch::Tensor& tensor) {
    return tensor.defined() ? tensor.index_select(0, index).to(device) : tensor;
  };
  MiniBatch batch;
  batch.pixels = rows_of(from.pixels).to(torch::kFloat).div_(255.0);
  batch.labels.images = rows_of(from.labels.images);
  for (const auto& map : from.labels.maps) batch.labels.maps.push_back(rows_of(map));
  for (const std::int64_t position : positions) batch.rows.push_back(from.rows[static_cast<std::size_t>(position)]);
  return batch;
}

std::int64_t extent(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

// Images as bytes, labels as learned.
MiniBatch as_bytes(const Batch& batch, const TaskSpecs& specs) {
  const std::int64_t n = extent(batch.size());
  const Shape& shape = batch.shape;
  MiniBatch result;
  result.pixels = torch::empty({n, extent(shape.channels), extent(shape.height), extent(shape.width)}, torch::kUInt8);
  std::copy(batch.pixels.begin(), batch.pixels.end(), result.pixels.data_ptr<std::uint8_t>());
  result.labels.images = torch::empty({n, extent(specs.size())});
  float* label = result.labels.images.data_ptr<float>();
  for (std::size_t i = 0; i < batch.size(); ++i)
    for (std::size_t k = 0; k < specs.size(); ++k)
      *label++ = static_cast<float>((batch.label(i, k) - specs[k].mean) / specs[k].deviation);
  for (std::size_t k = 0; k < batch.maps.size(); ++k) {
    torch::Tensor map;
    if (specs[k].info.is_dense()) {
      map = torch::empty({n, extent(specs[k].info.map_channels()), extent(shape.height), extent(shape.width)});
      std::copy(batch.maps[k].begin(), batch.maps[k].end(), map.data_ptr<float>());
      if (specs[k].info.kind == Kind::Depth) map.sub_(specs[k].mean).div_(specs[k].deviation);
    }
    result.labels.maps.push_back(map);
  }
  result.rows.resize(batch.size());
  std::iota(result.rows.begin(), result.rows.end(), batch.first);
  return result;
}

MiniBatch joined(const std::vector<MiniBatch>& parts) {
  if (parts.size() == 1) return parts.front();
  MiniBatch whole;
  std::vector<torch::Tensor> pixels;
  std::vector<torch::Tensor> labels;
  for (const MiniBatch& part : parts) {
    pixels.push_back(part.pixels);
    labels.push_back(part.labels.images);
    whole.rows.insert(whole.rows.end(), part.rows.begin(), part.rows.end());
  }
  whole.pixels = torch::cat(pixels);
  whole.labels.images = torch::cat(labels);
  for (std::size_t k = 0; k < parts.front().labels.maps.size(); ++k) {
    std::vector<torch::Tensor> maps;
    for (const MiniBatch& part : parts) maps.push_back(part.labels.maps[k]);
    whole.labels.maps.push_back(maps.front().defined() ? torch::cat(maps) : torch::Tensor());
  }
  return whole;
}

}  // namespace

std::size_t TaskSpec::outputs() const {
  switch (info.kind) {
    case Kind::Regression:
    case Kind::Depth: return 1;
    case Kind::Normals: return 3;
    default: return info.classes.size();
  }
}

TaskSpecs task_specs(const Source& source, std::span<const std::size_t> rows) {
  TaskSpecs specs;
  for (const TaskInfo& task : source.tasks()) specs.push_back({task});
  struct Sums {
    double n = 0, sum = 0, squares = 0;
    void add(double value) {
      if (is_missing(value)) return;
      n += 1;
      sum += value;
      squares += value * value;
    }
  };
  const auto holds_numbers = [](const TaskSpec& spec) {
    return spec.info.kind == Kind::Regression || spec.info.kind == Kind::Depth;
  };
  if (std::none_of(specs.begin(), specs.end(), holds_numbers)) return specs;
  std::vector<Sums> sums(specs.size());
  for (const std::size_t row : rows) {
    const Batch batch = source.read(row, 1);
    for (std::size_t k = 0; k < specs.size(); ++k) {
      if (specs[k].info.kind == Kind::Regression) sums[k].add(batch.label(0, k));
      if (specs[k].info.kind == Kind::Depth)
        for (const float value : batch.maps[k]) sums[k].add(value);
    }
  }
  for (std::size_t k = 0; k < specs.size(); ++k) {
    if (!holds_numbers(specs[k]) || sums[k].n == 0) continue;
    specs[k].mean = sums[k].sum / sums[k].n;
    const double variance = sums[k].squares / sums[k].n - specs[k].mean * specs[k].mean;
    if (variance > 0) specs[k].deviation = std::sqrt(variance);
  }
  return specs;
}

std::vector<std::size_t> all_rows(std::size_t count) {
  std::vector<std::size_t> rows(count);
  std::iota(rows.begin(), rows.end(), std::size_t{0});
  return rows;
}

MiniBatch to_tensors(const Batch& batch, const TaskSpecs& specs) {
  MiniBatch result = as_bytes(batch, specs);
  result.pixels = result.pixels.to(torch::kFloat).div_(255.0);
  return result;
}

Loader::Loader(const Source& source, std::vector<std::size_t> rows, TaskSpecs specs, const LoaderOptions& options)
    : source_(source), rows_(std::move(rows)), specs_(std::move(specs)), options_(options) {
  if (rows_.empty()) throw std::invalid_argument("Loader: no image");
  std::size_t bytes = source.shape().values();
  for (const TaskSpec& spec : specs_) bytes += sizeof(float) * map_values(spec.info, source.shape());
  window_ = std::clamp(options_.memory_bytes / bytes, options_.batch, rows_.size() + options_.batch);
  if (rows_.size() <= window_) whole_ = read(rows_);
}

MiniBatch Loader::read(const std::vector<std::size_t>& rows) const {
  std::vector<MiniBatch> parts;
  for (std::size_t at = 0; at < rows.size();) {
    std::size_t end = at + 1;
    while (end < rows.size() && rows[end] == rows[end - 1] + 1 && end - at < 1024) ++end;
    parts.push_back(as_bytes(source_.read(rows[at], end - at), specs_));
    at = end;
  }
  return joined(parts);
}

void Loader::pass(Rng* rng, const std::function<bool(const MiniBatch&)>& use) const {
  std::vector<std::size_t> runs = all_rows((rows_.size() + kRun - 1) / kRun);
  const bool in_pieces = !whole_.pixels.defined();
  if (in_pieces && rng != nullptr) runs = rng->permutation(runs.size());
  for (std::size_t run = 0; run < runs.size();) {
    MiniBatch window = whole_;
    if (in_pieces) {
      std::vector<std::size_t> wanted;
      for (; run < runs.size() && wanted.size() + kRun <= std::max(window_, kRun); ++run)
        for (std::size_t i = runs[run] * kRun; i < std::min(rows_.size(), (runs[run] + 1) * kRun); ++i)
          wanted.push_back(rows_[i]);
      window = read(wanted);
    } else {
      run = runs.size();
    }
    const std::vector<std::size_t> order = rng != nullptr ? rng->permutation(window.size()) : all_rows(window.size());
    for (std::size_t first = 0; first < order.size(); first += options_.batch) {
      const auto begin = order.begin() + extent(first);
      const auto end = order.begin() + extent(std::min(order.size(), first + options_.batch));
      if (!use(select(window, std::vector<std::int64_t>(begin, end), options_.device))) return;
    }
  }
}

Augmentation usual_crop(const Shape& shape) {
  const auto part = [](std::size_t side) { return side - side / 10; };
  return {part(shape.height), part(shape.width), false};
}

namespace {

// (1 - factor) x from + factor x pixels, kept between black and white.
torch::Tensor blended(const torch::Tensor& pixels, const torch::Tensor& from, const torch::Tensor& factors) {
  return (from + factors * (pixels - from)).clamp(0.0, 1.0);
}

// Brightness, contrast and saturation as Augmentation::jitter says.
torch::Tensor recoloured(torch::Tensor pixels, double jitter, Rng& rng) {
  const std::int64_t n = pixels.size(0);
  const auto luma = [](const torch::Tensor& of) {
    return of.size(1) == 1 ? of : 0.299 * of.slice(1, 0, 1) + 0.587 * of.slice(1, 1, 2) + 0.114 * of.slice(1, 2, 3);
  };
  for (const std::size_t change : rng.permutation(3)) {
    auto factors = torch::empty({n, 1, 1, 1});
    for (std::int64_t i = 0; i < n; ++i) factors[i] = static_cast<float>(rng.uniform(1.0 - jitter, 1.0 + jitter));
    factors = factors.to(pixels.device());
    switch (change) {
      case 0: pixels = blended(pixels, torch::zeros_like(factors), factors); break;
      case 1: pixels = blended(pixels, luma(pixels).mean({1, 2, 3}, true), factors); break;
      default: pixels = blended(pixels, luma(pixels), factors);
    }
  }
  return pixels;
}

}  // namespace

View augment(const torch::Tensor& original, const Labels& labels, const TaskSpecs& specs,
             const Augmentation& augmentation, Rng* rng) {
  const torch::Tensor pixels =
      augmentation.jitter > 0 && rng != nullptr ? recoloured(original, augmentation.jitter, *rng) : original;
  const std::int64_t n = pixels.size(0);
  const std::int64_t height = pixels.size(2);
  const std::int64_t width = pixels.size(3);
  const std::int64_t h = augmentation.height == 0 ? height : std::min(height, extent(augmentation.height));
  const std::int64_t w = augmentation.width == 0 ? width : std::min(width, extent(augmentation.width));
  if (h == height && w == width && !augmentation.flip) return {pixels, labels};

  auto index = torch::empty({n, h * w}, torch::kLong);
  auto mirrored = torch::ones({n, 1, 1, 1});
  std::int64_t* at = index.data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < n; ++i) {
    const std::int64_t top =
        rng == nullptr ? (height - h) / 2 : extent(rng->below(static_cast<std::size_t>(height - h + 1)));
    const std::int64_t left =
        rng == nullptr ? (width - w) / 2 : extent(rng->below(static_cast<std::size_t>(width - w + 1)));
    const bool flip = augmentation.flip && rng != nullptr && rng->below(2) == 1;
    if (flip) mirrored[i] = -1.0F;
    for (std::int64_t y = 0; y < h; ++y)
      for (std::int64_t x = 0; x < w; ++x) *at++ = (top + y) * width + left + (flip ? w - 1 - x : x);
  }
  index = index.to(pixels.device());
  const auto part = [&](const torch::Tensor& of) {
    return of.flatten(2).gather(2, index.unsqueeze(1).expand({n, of.size(1), h * w})).view({n, of.size(1), h, w});
  };
  View view{part(pixels), {labels.images, {}}};
  for (std::size_t k = 0; k < labels.maps.size(); ++k) {
    torch::Tensor map = labels.maps[k].defined() ? part(labels.maps[k]) : torch::Tensor();
    // The mirror image of a surface leans to the other side.
    if (specs[k].info.kind == Kind::Normals) map.slice(1, 0, 1).mul_(mirrored.to(map.device()));
    view.labels.maps.push_back(map);
  }
  return view;
}

}  // namespace crosstalk::image
