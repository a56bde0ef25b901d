// What victims learn from images that were protected by each method: sets x methods x seeds, one row of CSV a victim
// kind, appended to a file as it is measured, so that the program can be stopped and goes on where it was.
//   protect OUT.csv SETS METHODS FIRST_SEED SEEDS [PARTS]      e.g.  protect protect.csv garments-3,garments-40
//   clean,tap,mtl-ue+tap 1 3
#include <algorithm>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "crosstalk/image/garments.hpp"
#include "crosstalk/image/method.hpp"
#include "crosstalk/image/network/learned_noise.hpp"
#include "crosstalk/image/network/verification.hpp"

namespace {

using namespace crosstalk;
using namespace crosstalk::image;

std::vector<std::string> split(const std::string& text, char separator = ',') {
  std::vector<std::string> words;
  std::istringstream stream(text);
  for (std::string word; std::getline(stream, word, separator);) words.push_back(word);
  return words;
}

struct Sets {
  std::unique_ptr<Source> train;
  std::unique_ptr<Source> test;
};

// With "-validation" behind the name, the last 1000 training images stand for the test set: for choosing settings.
Sets open(const std::string& name, std::uint64_t seed) {
  const char* const folder = "/usr/share/datasets/fashion-mnist";
  GarmentsOptions options;
  options.seed = seed;
  Sets sets;
  sets.train = open_garments(name, folder, options);
  options.test = true;
  options.images = 2000;
  sets.test = open_garments(name, folder, options);
  return sets;
}

MemorySet whole(const Source& source) {
  return {source.tasks(), source.read(0, source.size())};
}

// One setting of the generator in the words behind a method: mtl-ue+tap:gain=0.1:epochs=40
void apply(NoiseOptions& options, const std::string& setting) {
  const auto at = setting.find('=');
  const std::string key = setting.substr(0, at);
  const double value = std::stod(setting.substr(at + 1));
  const auto count = static_cast<std::size_t>(value);
  if (key == "gain")
    options.sizes.gain = value;
  else if (key == "tanh")
    options.sizes.squash = value != 0 ? Squash::Tanh : Squash::Clamp;
  else if (key == "intra")
    options.sizes.intra = value;
  else if (key == "inter")
    options.sizes.inter = value;
  else if (key == "latent")
    options.sizes.latent = value != 0;
  else if (key == "embeddings")
    options.sizes.embeddings = value != 0;
  else if (key == "epochs")
    options.epochs = static_cast<int>(value);
  else if (key == "rate")
    options.learning_rate = value;
  else if (key == "step")
    options.step = value;
  else if (key == "round")
    options.round = static_cast<int>(value);
  else if (key == "batch")
    options.batch = count;
  else if (key == "maps")
    options.sizes.size.embedding = count;
  else if (key == "stem")
    options.sizes.size.stem = count;
  else if (key == "channels")
    options.sizes.size.latent = count;
  else if (key == "decoder")
    options.sizes.size.decoder = count;
  else if (key == "last")
    options.sizes.size.last = count;
  else if (key == "nets")
    options.checkpoints_a_step = count;
  else if (key == "surrogate")
    options.surrogate_epochs = static_cast<int>(value);
  else if (key == "seed")
    options.seed = count;
  else if (key == "learn")
    options.surrogate_batches = count;
  else
    throw std::invalid_argument("unknown setting " + key);
}

std::unique_ptr<Method> method_of(const Source& source, const std::string& name, std::uint64_t seed) {
  const auto words = split(name, ':');
  std::vector<std::size_t> tasks;
  for (std::size_t k = 0; k < source.tasks().size(); ++k) tasks.push_back(k);
  const std::string& kind = words.front();
  if (kind == "noise" || kind.starts_with("lsp") || kind.starts_with("ar") || kind.starts_with("ops")) {
    MethodOptions options;
    options.name = method_named(kind.substr(0, kind.find('-')));
    options.composition = kind.ends_with("-average") ? Composition::Average : Composition::Patch;
    options.tasks = tasks;
    options.seed = seed;
    return make_method(source, options);
  }
  const bool generator = kind.starts_with("mtl-ue+");
  NoiseOptions options = usual_options(base_named(generator ? kind.substr(7) : kind), generator, source.size());
  options.tasks = tasks;
  options.seed = seed;
  for (std::size_t i = 1; i < words.size(); ++i) apply(options, words[i]);
  LearnedNoise learned = learn_noise(source, options);
  std::cerr << fmt::format("{}: objective {:.3f} after the first pass, {:.3f} after the last\n", name,
                           learned.losses.front(), learned.losses.back());
  return std::move(learned.method);
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::cerr << "protect OUT.csv SETS METHODS FIRST_SEED SEEDS [clean,mtl,stl,vgg]\n";
    return 2;
  }
  const std::string file = argv[1];
  std::string done;
  {
    std::ifstream before(file);
    done.assign(std::istreambuf_iterator<char>(before), {});
  }
  std::ofstream out(file, std::ios::app);
  if (done.empty()) out << "set,method,seed,victim,mean,yardstick,tasks,largest,psnr,noise_seconds,victim_seconds\n";
  const std::uint64_t first_seed = std::stoull(argv[4]);
  const auto parts = split(argc > 6 ? argv[6] : "mtl,stl");
  for (std::uint64_t seed = first_seed; seed < first_seed + std::stoull(argv[5]); ++seed)
    for (const std::string& set : split(argv[2])) {
      const bool validation = set.ends_with("-validation");
      const std::string name = set.substr(0, set.rfind("-validation"));
      const Sets sets = open(name, seed);
      const MemorySet clean = whole(*sets.train);
      const MemorySet test = whole(*sets.test);
      for (const std::string& method : split(argv[3])) {
        const std::string key = fmt::format("{},{},{},", set, method, seed);
        std::vector<std::string> left;
        for (const std::string& part : parts)
          if (done.find(key + part + ",") == std::string::npos) left.push_back(part);
        if (left.empty()) continue;
        const auto start = std::chrono::steady_clock::now();
        Batch images = clean.read(0, clean.size());
        ChangeMeter meter;
        if (method != "clean") images = protect(images, *method_of(clean, method, seed));
        const Batch before = clean.read(0, clean.size());
        meter.add(before.pixels, images.pixels);
        const MemorySet published(clean.tasks(), std::move(images));
        const double noise_seconds = seconds_since(start);
        for (const std::string& part : left) {
          const auto begin = std::chrono::steady_clock::now();
          std::vector<std::size_t> rows(validation ? clean.size() - 1000 : clean.size());
          std::vector<std::size_t> test_rows(validation ? 1000 : test.size());
          for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = i;
          for (std::size_t i = 0; i < test_rows.size(); ++i) test_rows[i] = i + (validation ? rows.size() : 0);
          const VerificationData data{clean, &published, rows, validation ? clean : test, test_rows};
          VerificationOptions options;
          options.clean = false;
          options.mtl = part != "stl";
          options.stl = part == "stl";
          options.stl_tasks = sample_of_tasks(clean.tasks().size(), 3);
          if (part == "vgg") options.backbone = BackboneName::Vgg16;
          options.seed = seed;
          const auto victims = verify(data, options);
          const LearnerSummary summary = summarise(victims, true, options.mtl);
          std::string tasks;
          for (const TaskSummary& task : summary.tasks)
            tasks += fmt::format("{}{:.4f}", tasks.empty() ? "" : " ", task.value.mean);
          out << fmt::format("{}{},{:.4f},{:.4f},{},{},{:.2f},{:.1f},{:.1f}\n", key, part, summary.mean.mean,
                             summary.yardstick, tasks, meter.largest(), meter.psnr(), noise_seconds,
                             seconds_since(begin))
              << std::flush;
        }
      }
    }
  return 0;
}
