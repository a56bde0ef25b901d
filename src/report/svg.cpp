#include "crosstalk/report/svg.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <locale>
#include <sstream>
#include <stdexcept>
#include <string_view>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "crosstalk/error.hpp"
#include "crosstalk/report/text.hpp"

namespace crosstalk::report {

namespace {

using namespace std::string_view_literals;

constexpr std::array elements = {"g"sv,       "defs"sv,     "rect"sv,    "circle"sv,         "ellipse"sv, "line"sv,
                                 "path"sv,    "polyline"sv, "polygon"sv, "text"sv,           "tspan"sv,   "use"sv,
                                 "pattern"sv, "clipPath"sv, "image"sv,   "linearGradient"sv, "stop"sv};
constexpr std::array attributes = {"clip-path"sv,
                                   "clipPathUnits"sv,
                                   "color"sv,
                                   "cx"sv,
                                   "cy"sv,
                                   "d"sv,
                                   "dominant-baseline"sv,
                                   "dx"sv,
                                   "dy"sv,
                                   "fill"sv,
                                   "fill-opacity"sv,
                                   "fill-rule"sv,
                                   "font-size"sv,
                                   "font-style"sv,
                                   "font-weight"sv,
                                   "gradientTransform"sv,
                                   "gradientUnits"sv,
                                   "height"sv,
                                   "offset"sv,
                                   "opacity"sv,
                                   "patternTransform"sv,
                                   "patternUnits"sv,
                                   "points"sv,
                                   "preserveAspectRatio"sv,
                                   "r"sv,
                                   "rx"sv,
                                   "ry"sv,
                                   "shape-rendering"sv,
                                   "stop-color"sv,
                                   "stop-opacity"sv,
                                   "stroke"sv,
                                   "stroke-dasharray"sv,
                                   "stroke-linecap"sv,
                                   "stroke-linejoin"sv,
                                   "stroke-opacity"sv,
                                   "stroke-width"sv,
                                   "text-anchor"sv,
                                   "transform"sv,
                                   "viewBox"sv,
                                   "width"sv,
                                   "x"sv,
                                   "x1"sv,
                                   "x2"sv,
                                   "y"sv,
                                   "y1"sv,
                                   "y2"sv};

constexpr int deepest = 64;  // gnuplot nests about six levels

bool is_listed(const auto& list, std::string_view name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool is_reference(std::string_view name) {
  return name == "href" || name == "xlink:href";
}

bool is_id_prefix(std::string_view prefix) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto allowed = [&](char c) { return letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_'; };
  return !prefix.empty() && letter(prefix.front()) && std::all_of(prefix.begin(), prefix.end(), allowed);
}

// `url(#name)` becomes `url(#prefixname)`; any other url(...) makes the attribute worthless: returns false.
bool prefix_urls(std::string& value, const std::string& prefix) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  const auto same = [&](char a, char b) { return lower(a) == b; };
  constexpr std::string_view url = "url(";
  auto from = value.begin();
  while ((from = std::search(from, value.end(), url.begin(), url.end(), same)) != value.end()) {
    from += static_cast<std::ptrdiff_t>(url.size());
    if (from == value.end() || *from != '#') return false;
    from = value.insert(from + 1, prefix.begin(), prefix.end());
  }
  return true;
}

void copy_property(const std::string& name, std::string value, pugi::xml_node& to, const std::string& prefix) {
  if (is_listed(attributes, name) && value.find('\\') == std::string::npos && prefix_urls(value, prefix))
    to.append_attribute(name.c_str()).set_value(value.c_str());
}

// `style="fill:none; stroke:red"` as the attributes fill and stroke.
void copy_style(std::string_view style, pugi::xml_node& to, const std::string& prefix) {
  const auto trimmed = [](std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return std::string();
    return std::string(text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1));
  };
  while (!style.empty()) {
    const std::string_view rule = style.substr(0, style.find(';'));
    style.remove_prefix(std::min(style.size(), rule.size() + 1));
    const std::size_t colon = rule.find(':');
    if (colon != std::string_view::npos)
      copy_property(trimmed(rule.substr(0, colon)), trimmed(rule.substr(colon + 1)), to, prefix);
  }
}

void copy_attributes(const pugi::xml_node& from, pugi::xml_node& to, const std::string& prefix) {
  for (const pugi::xml_attribute& attribute : from.attributes()) {
    const std::string_view name = attribute.name();
    std::string value = attribute.value();
    if (name == "id") {
      to.append_attribute("id").set_value((prefix + value).c_str());
    } else if (name == "style") {
      copy_style(value, to, prefix);
    } else if (is_reference(name)) {
      const bool local = value.starts_with("#");
      const bool picture = from.name() == "image"sv && value.starts_with("data:image/png;base64,");
      if (local) value.insert(1, prefix);
      if (local || picture) to.append_attribute("href").set_value(value.c_str());
    } else {
      copy_property(attribute.name(), value, to, prefix);
    }
  }
}

void copy_children(const pugi::xml_node& from, pugi::xml_node& to, const std::string& prefix, int depth) {
  if (depth > deepest) throw DataError(fmt::format("inline_svg: elements are nested more than {} deep", deepest));
  for (const pugi::xml_node& child : from.children()) {
    const bool in_text = to.name() == "text"sv || to.name() == "tspan"sv;
    if (in_text && (child.type() == pugi::node_pcdata || child.type() == pugi::node_cdata)) {
      to.append_child(pugi::node_pcdata).set_value(child.value());
    } else if (child.type() == pugi::node_element && is_listed(elements, child.name())) {
      pugi::xml_node copy = to.append_child(child.name());
      copy_attributes(child, copy, prefix);
      copy_children(child, copy, prefix, depth + 1);
    }
  }
}

struct ViewBox {
  double x = 0.0;
  double y = 0.0;
  double width = 0.0;
  double height = 0.0;
};

ViewBox view_box(const pugi::xml_node& svg) {
  ViewBox box;
  std::string text = svg.attribute("viewBox").value();
  std::replace(text.begin(), text.end(), ',', ' ');
  std::istringstream numbers(text);
  numbers.imbue(std::locale::classic());
  if (!(numbers >> box.x >> box.y >> box.width >> box.height)) {
    box = {0.0, 0.0, svg.attribute("width").as_double(), svg.attribute("height").as_double()};
  }
  if (!(box.width > 0.0 && box.height > 0.0 && std::isfinite(box.width) && std::isfinite(box.height)))
    throw DataError(fmt::format("inline_svg: the viewBox is \"{}\"; it must have a width and a height above 0",
                                one_line(svg.attribute("viewBox").value())));
  return box;
}

}  // namespace

std::string inline_svg(const std::string& svg, const std::string& title, const std::string& description,
                       const std::string& id_prefix) {
  if (!is_id_prefix(id_prefix))
    throw std::invalid_argument(fmt::format(
        "inline_svg: the id prefix is \"{}\"; it must begin with a letter and hold letters, digits, - and _",
        id_prefix));
  pugi::xml_document source;
  const pugi::xml_parse_result parsed = source.load_string(svg.c_str());
  if (!parsed)
    throw DataError(fmt::format("inline_svg: not well-formed at byte {}: {}", parsed.offset, parsed.description()));
  const pugi::xml_node root = source.document_element();
  if (root.name() != "svg"sv)
    throw DataError(fmt::format("inline_svg: the outer element is <{}>; it must be <svg>", one_line(root.name())));

  const ViewBox box = view_box(root);
  pugi::xml_document result;
  pugi::xml_node picture = result.append_child("svg");
  const auto set = [&](const char* name, const std::string& value) {
    picture.append_attribute(name).set_value(value.c_str());
  };
  set("xmlns", "http://www.w3.org/2000/svg");
  set("viewBox", fmt::format("{} {} {} {}", box.x, box.y, box.width, box.height));
  set("role", "img");
  set("aria-labelledby", id_prefix + "title " + id_prefix + "description");
  // As wide as the page allows up to its own size, and never so small that its text cannot be read.
  set("style", fmt::format("width:100%;max-width:{:.0f}px;min-width:{:.0f}px", box.width, 0.6 * box.width));
  const auto describe = [&](const char* name, const std::string& text) {
    pugi::xml_node node = picture.append_child(name);
    node.append_attribute("id").set_value((id_prefix + name).c_str());
    node.append_child(pugi::node_pcdata).set_value(one_line(text).c_str());
    return node;
  };
  describe("title", title);
  describe("desc", description).attribute("id").set_value((id_prefix + "description").c_str());
  copy_children(root, picture, id_prefix, 0);

  std::ostringstream text;
  result.save(text, "", pugi::format_raw | pugi::format_no_declaration);
  return text.str();
}

}  // namespace crosstalk::report
