#include "crosstalk/image/countermeasure.hpp"

#include <charconv>
#include <cmath>
#include <functional>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>

#include <fmt/format.h>

namespace crosstalk::image {

namespace {

// The number that may follow a word.
struct Amount {
  const char* what;
  double low;
  double high;
  bool whole;
  std::optional<double> usual;  // none: it must be given
};

struct Word {
  const char* name;
  const char* shown;
  std::optional<Amount> amount;
  std::function<void(Countermeasure&, double)> apply;
};

const std::vector<Word>& known_words() {
  using Kind = Processing::Kind;
  static const std::vector<Word> words = {
      {"jpeg", "jpegQ", Amount{"quality", 1, 100, true, {}},
       [](Countermeasure& c, double q) {
         c.processing.push_back({Kind::Jpeg, q});
       }},
      {"grey",
       "grey",
       {},
       [](Countermeasure& c, double) {
         c.processing.push_back({Kind::Grey, 0});
       }},
      {"bits", "bitsB", Amount{"number of bits", 1, 7, true, {}},
       [](Countermeasure& c, double b) {
         c.processing.push_back({Kind::Bits, b});
       }},
      {"blur", "blur", Amount{"deviation", 0.1, 20, false, 1.0},
       [](Countermeasure& c, double s) {
         c.processing.push_back({Kind::Blur, s});
       }},
      {"resize", "resizeP", Amount{"percentage", 5, 99, true, {}},
       [](Countermeasure& c, double p) {
         c.processing.push_back({Kind::Resize, p});
       }},
      {"squeeze",
       "squeeze",
       {},
       [](Countermeasure& c, double) {
         c.processing.push_back({Kind::Jpeg, 10});
         c.processing.push_back({Kind::Grey, 0});
       }},
      {"pairs", "pairsN", Amount{"number of pairs", 1, 4096, true, {}},
       [](Countermeasure& c, double n) { c.restoration.pairs = static_cast<std::size_t>(n); }},
      {"class-means", "class-means", Amount{"number of pairs", 0, 4096, true, 0.0},
       [](Countermeasure& c, double n) { c.restoration.class_mean_pairs = static_cast<std::size_t>(n); }},
      {"cutout", "cutout", {}, [](Countermeasure& c, double) { c.robust_training.cutout = true; }},
      {"cutmix", "cutmix", {}, [](Countermeasure& c, double) { c.robust_training.cutmix = true; }},
      {"mixup", "mixup", {}, [](Countermeasure& c, double) { c.robust_training.mixup = true; }},
      {"resized-crop", "resized-crop", {}, [](Countermeasure& c, double) { c.robust_training.resized_crop = true; }},
      {"noise", "noise", Amount{"deviation", 0.1, 255, false, 8.0},
       [](Countermeasure& c, double n) { c.robust_training.noise = n; }},
      {"adversarial", "adversarial", Amount{"epsilon", 0.1, 255, false, 8.0},
       [](Countermeasure& c, double e) { c.robust_training.adversarial = e; }},
      {"long", "long", {}, [](Countermeasure& c, double) { c.longer = true; }},
      {"rate", "rateX", Amount{"factor", 0.001, 1000, false, {}},
       [](Countermeasure& c, double x) { c.learning_rate = x; }},
      {"early-stop", "early-stop", {}, [](Countermeasure& c, double) { c.stops_early = true; }},
  };
  return words;
}

[[noreturn]] void refuse_word(std::string_view word) {
  std::string known;
  for (const Word& each : known_words()) known.append(each.shown).append(", ");
  throw std::invalid_argument(
      fmt::format("unknown countermeasure \"{}\"; there are {}joined by +, or none", word, known));
}

// The number behind the word's name; without one the usual.
double amount_of(const Word& word, std::string_view text) {
  const std::string_view number = text.substr(std::string_view(word.name).size());
  if (!word.amount) {
    if (!number.empty())
      throw std::invalid_argument(fmt::format("countermeasure \"{}\": {} takes no number", text, word.name));
    return 0.0;
  }
  const Amount& amount = *word.amount;
  const std::string range =
      fmt::format("a {}number from {} to {}", amount.whole ? "whole " : "", amount.low, amount.high);
  if (number.empty()) {
    if (amount.usual) return *amount.usual;
    throw std::invalid_argument(fmt::format("countermeasure \"{}\" needs its {}, {}", text, amount.what, range));
  }
  double value = std::numeric_limits<double>::quiet_NaN();
  const auto [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), value, std::chars_format::fixed);
  const bool is_number = error == std::errc() && end == number.data() + number.size();
  if (!is_number || !(value >= amount.low && value <= amount.high) || (amount.whole && value != std::floor(value)))
    throw std::invalid_argument(
        fmt::format("countermeasure \"{}\": the {} is {}; it must be {}", text, amount.what, number, range));
  return value;
}

}  // namespace

Countermeasure countermeasure_named(std::string_view words) {
  Countermeasure result;
  result.words = words;
  if (words == "none") return result;
  std::set<std::string_view> seen;
  for (std::size_t at = 0; at <= words.size();) {
    const std::size_t end = std::min(words.find('+', at), words.size());
    const std::string_view text = words.substr(at, end - at);
    const std::string_view name = text.substr(0, std::min(text.find_first_of("0123456789."), text.size()));
    const Word* word = nullptr;
    for (const Word& each : known_words())
      if (name == each.name) word = &each;
    if (word == nullptr) refuse_word(text);
    if (!seen.insert(name).second)
      throw std::invalid_argument(fmt::format("countermeasure \"{}\": {} is named twice", words, name));
    word->apply(result, amount_of(*word, text));
    at = end + 1;
  }
  return result;
}

}  // namespace crosstalk::image
