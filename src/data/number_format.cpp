#include "crosstalk/data/number_format.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <vector>

#include <fmt/format.h>

#include "small_letters.hpp"

namespace crosstalk::data {

namespace {

constexpr std::array<std::string_view, 9> kCurrencies = {"$",   "\xe2\x82\xac", "\xc2\xa3", "\xc2\xa5", "\xe2\x82\xb9",
                                                         "USD", "EUR",          "GBP",      "CHF"};
constexpr std::string_view kMinus = "\xe2\x88\x92";  // the typographic one
// Blanks between thousands: a space, a no-break space, a narrow one, a thin one; and apostrophes.
constexpr std::array<std::string_view, 6> kGroupMarks = {" ", "\xc2\xa0",    "\xe2\x80\xaf", "\xe2\x80\x89",
                                                         "'", "\xe2\x80\x99"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view without_blanks(std::string_view text) {
  const auto cut = [&](std::string_view blank) {
    bool any = false;
    while (text.starts_with(blank)) text.remove_prefix(blank.size()), any = true;
    while (text.ends_with(blank)) text.remove_suffix(blank.size()), any = true;
    return any;
  };
  while (cut(" ") || cut("\xc2\xa0")) {
  }
  return text;
}

// A cell without what stands around its digits.
struct Stripped {
  std::string_view digits;
  bool negative = false;
  bool percent = false;
  std::string_view currency = {};
};

Stripped strip(std::string_view field) {
  Stripped cell{without_blanks(field)};
  std::string_view& text = cell.digits;
  const auto take_sign = [&] {
    for (const std::string_view minus : {std::string_view("-"), kMinus})
      if (text.starts_with(minus)) {
        text = without_blanks(text.substr(minus.size()));
        cell.negative = true;
        return;
      }
    if (text.starts_with('+')) text = without_blanks(text.substr(1));
  };
  if (text.size() > 2 && text.front() == '(' && text.back() == ')') {  // accountants' minus
    text = without_blanks(text.substr(1, text.size() - 2));
    cell.negative = true;
  } else {
    take_sign();
  }
  for (const std::string_view sign : kCurrencies) {
    if (!text.starts_with(sign) && !text.ends_with(sign)) continue;
    if (text.starts_with(sign))
      text.remove_prefix(sign.size());
    else
      text.remove_suffix(sign.size());
    text = without_blanks(text);
    cell.currency = sign;
    if (!cell.negative) take_sign();
    break;
  }
  if (text.ends_with('%')) {
    text = without_blanks(text.substr(0, text.size() - 1));
    cell.percent = true;
  }
  return cell;
}

// Whether text is nothing, or e, a sign or none, and digits.
bool is_exponent(std::string_view text) {
  if (text.empty()) return true;
  text.remove_prefix(1);
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

// The value of digits with this decimal mark; none when they are no number in it.
std::optional<double> value_of(std::string_view digits, char decimal) {
  std::string plain;
  if (decimal == '.') {
    const Cell cell = plain_number(digits);
    if (cell.kind == CellKind::Number && !digits.empty() && digits.front() != '-' && digits.front() != '+')
      return cell.value;
  }
  const std::size_t power = digits.find_first_of("eE");
  const std::string_view exponent = power == std::string_view::npos ? "" : digits.substr(power);
  digits = digits.substr(0, power);
  if (!is_exponent(exponent)) return std::nullopt;
  const std::size_t point = digits.find(decimal);
  const std::string_view whole = digits.substr(0, point);
  const std::string_view fraction = point == std::string_view::npos ? "" : digits.substr(point + 1);
  if (!std::all_of(fraction.begin(), fraction.end(), is_digit)) return std::nullopt;
  if (whole.empty() && fraction.empty()) return std::nullopt;

  const std::string_view own_mark = decimal == '.' ? "," : ".";
  std::string_view mark;  // one kind in a number
  std::size_t since_mark = 0;
  for (std::size_t i = 0; i < whole.size();) {
    if (is_digit(whole[i])) {
      plain += whole[i++];
      ++since_mark;
      continue;
    }
    std::string_view here;
    if (whole.substr(i).starts_with(own_mark)) here = own_mark;
    for (const std::string_view blank : kGroupMarks)
      if (whole.substr(i).starts_with(blank)) here = blank;
    const bool first = mark.empty();
    if (here.empty() || (!first && here != mark)) return std::nullopt;
    if (first ? since_mark == 0 || since_mark > 3 : since_mark != 3) return std::nullopt;
    mark = here;
    since_mark = 0;
    i += here.size();
  }
  if (!mark.empty() && (since_mark != 3 || plain.front() == '0')) return std::nullopt;  // 0.126 is no thousand
  if (plain.empty()) plain = "0";
  if (!fraction.empty()) plain += "." + std::string(fraction);
  plain += exponent;
  const Cell number = plain_number(plain);
  if (number.kind != CellKind::Number) return std::nullopt;
  return number.value;
}

bool is_month_name(std::string_view word) {
  constexpr std::array<std::string_view, 12> months = {"jan", "feb", "mar", "apr", "may", "jun",
                                                       "jul", "aug", "sep", "oct", "nov", "dec"};
  const std::string lower = in_small_letters(word.substr(0, 3));
  return word.size() >= 3 && std::find(months.begin(), months.end(), lower) != months.end();
}

}  // namespace

Cell plain_number(std::string_view field) {
  if (field.empty()) return {CellKind::Word};
  const char* begin = field.data();
  const char* end = begin + field.size();
  if (*begin == '+' && field.size() > 1 && begin[1] != '-') ++begin;
  double value = 0.0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error == std::errc::invalid_argument || stop != end) return {CellKind::Word};
  // Out of range is said of 1e999 and of 1e-999 alike; strtod tells them apart.
  if (error == std::errc::result_out_of_range) value = std::strtod(std::string(begin, end).c_str(), nullptr);
  if (!std::isfinite(value)) return {CellKind::NotFinite};
  return {CellKind::Number, value};
}

std::optional<double> NumberFormat::parse(std::string_view field) const {
  if (!marked) {
    const Cell cell = plain_number(field);
    if (cell.kind != CellKind::Number) return std::nullopt;
    return cell.value;
  }
  const Stripped cell = strip(field);
  if (cell.percent != percent || cell.currency != currency) return std::nullopt;
  const auto digits = value_of(cell.digits, decimal);
  if (!digits) return std::nullopt;
  const double value = percent ? *digits / 100.0 : *digits;
  return cell.negative ? -value : value;
}

std::string NumberFormat::format(double value) const {
  std::string text = fmt::format("{}", percent ? value * 100.0 : value);
  if (decimal == ',') std::replace(text.begin(), text.end(), '.', ',');
  if (percent) text += '%';
  if (!currency.empty()) text.insert(text.starts_with('-') ? 1 : 0, currency);
  return text;
}

bool NumberFormatSearch::add(std::string_view field) {
  ++cells_;
  const Stripped cell = strip(field);
  with_percent_ += cell.percent ? 1 : 0;
  if (!cell.currency.empty()) {
    if (with_currency_++ == 0) currency_ = cell.currency;
    one_currency_ = one_currency_ && currency_ == cell.currency;
  }
  const auto point = value_of(cell.digits, '.');
  const auto comma = value_of(cell.digits, ',');
  point_fits_ = point_fits_ && point.has_value();
  comma_fits_ = comma_fits_ && comma.has_value();
  marked_ = marked_ || plain_number(field).kind != CellKind::Number;
  if (point && comma && *point != *comma && ambiguous_cell_.empty()) ambiguous_cell_ = field;
  return point || comma;
}

NumberFormatSearch::Answer NumberFormatSearch::answer(NumberFormat& format, char decimal) const {
  const auto all_or_none = [&](std::size_t count) { return count == 0 || count == cells_; };
  if (cells_ == 0 || !all_or_none(with_percent_) || !all_or_none(with_currency_) || !one_currency_) return Answer::None;
  const bool point = point_fits_ && decimal != ',';
  const bool comma = comma_fits_ && decimal != '.';
  if (!point && !comma) return Answer::None;
  if (point && comma && !ambiguous_cell_.empty()) return Answer::Ambiguous;
  format.decimal = point ? '.' : ',';
  format.marked = marked_ || format.decimal == ',';
  format.percent = with_percent_ > 0;
  format.currency = with_currency_ > 0 ? currency_ : "";
  return Answer::Found;
}

bool begins_like_number(std::string_view field) {
  while (!field.empty() && std::string_view("+-'\"<>~=( ").find(field.front()) != std::string_view::npos)
    field.remove_prefix(1);
  for (const std::string_view sign : kCurrencies)
    if (field.starts_with(sign)) field = without_blanks(field.substr(sign.size()));
  if (field.empty() || !is_digit(field.front())) return false;
  const auto skip = [&](std::string_view characters) {
    field.remove_prefix(std::min(field.size(), field.find_first_not_of(characters)));
  };
  skip("0123456789.,_' ");
  if (field.size() > 1 && std::string_view("eEdD").find(field[0]) != std::string_view::npos &&
      std::string_view("+-0123456789").find(field[1]) != std::string_view::npos) {
    field.remove_prefix(2);
    skip("0123456789");
  }
  return std::none_of(field.begin(), field.end(), is_digit);  // a unit; in 3f2a-11 there is none
}

bool looks_like_date(std::string_view field) {
  for (const std::string_view day : {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"})
    if (field.starts_with(day) && field.find_first_of(", ") < 11)
      field = without_blanks(field.substr(field.find_first_of(", ") + 1));
  std::string_view time = field;
  for (const std::string_view half : {"AM", "PM", "am", "pm"})
    if (time.ends_with(half)) time = without_blanks(time.substr(0, time.size() - 2));
  const std::size_t colon = time.find(':');
  const bool only_time = (colon == 1 || colon == 2) && time.size() >= colon + 3 && time.size() <= colon + 12 &&
                         time.find_first_not_of("0123456789:.") == std::string_view::npos;
  if (only_time) return true;
  // Runs of digits and of letters, and what stands between them without blanks.
  struct Part {
    std::string_view text;
    bool digits;
    std::string mark_behind;
  };
  std::vector<Part> parts;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  constexpr std::size_t longest = 40;
  if (field.size() > longest) return false;
  for (std::size_t i = 0; i < field.size();) {
    const std::size_t begin = i;
    const bool digits = is_digit(field[i]);
    if (digits || is_letter(field[i])) {
      while (i < field.size() && (digits ? is_digit(field[i]) : is_letter(field[i]))) ++i;
      parts.push_back({field.substr(begin, i - begin), digits, ""});
    } else {
      if (parts.empty()) return false;
      if (field[i] != ' ') parts.back().mark_behind += field[i];
      ++i;
    }
  }
  if (parts.size() < 3) return false;
  const auto in = [](std::string_view digits, int low, int high) {
    const int value = digits.size() > 4 ? -1 : std::atoi(std::string(digits).c_str());
    return value >= low && value <= high;
  };
  const bool is_stamp = parts[0].digits && parts[0].text.size() == 8 && parts[1].text == "T" && parts[2].digits &&
                        in(parts[0].text.substr(4, 2), 1, 12) && in(parts[0].text.substr(6, 2), 1, 31);
  if (is_stamp) return true;
  const std::string& mark = parts[0].mark_behind;
  const bool numeric = parts[0].digits && parts[1].digits && parts[2].digits && mark == parts[1].mark_behind &&
                       (mark == "-" || mark == "/" || mark == ".");
  if (numeric) {
    const bool year_first = parts[0].text.size() == 4 && in(parts[1].text, 1, 12) && in(parts[2].text, 1, 31);
    const bool year_last = (parts[2].text.size() == 4 || parts[2].text.size() == 2) &&
                           ((in(parts[0].text, 1, 31) && in(parts[1].text, 1, 12)) ||
                            (in(parts[0].text, 1, 12) && in(parts[1].text, 1, 31)));
    return year_first || year_last;
  }
  const bool day_month = parts[0].digits && !parts[1].digits && is_month_name(parts[1].text) && parts[2].digits;
  const bool month_day = !parts[0].digits && is_month_name(parts[0].text) && parts[1].digits && parts[2].digits;
  return day_month || month_day;
}

}  // namespace crosstalk::data
