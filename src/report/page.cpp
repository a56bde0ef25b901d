#include "crosstalk/report/page.hpp"

#include <algorithm>
#include <stdexcept>

#include <fmt/format.h>

#include "crosstalk/report/number.hpp"
#include "crosstalk/report/svg.hpp"
#include "crosstalk/report/text.hpp"
#include "page_style.hpp"

namespace crosstalk::report {

namespace {

std::string element(const char* tag, const char* css_class, const std::string& text) {
  return fmt::format("<{0} class=\"{1}\">{2}</{0}>", tag, css_class, escape_html(text));
}

// A box that scrolls sideways on its own, also by keyboard.
std::string scrolling(const char* css_class, const std::string& label, const std::string& html) {
  return fmt::format("<div class=\"{}\" role=\"group\" tabindex=\"0\" aria-label=\"{}\">\n{}</div>\n", css_class,
                     escape_html(one_line(label)), html);
}

/// Writes blocks and counts the figures on the way.
class Writer {
 public:
  std::string blocks(const std::vector<Block>& list) {
    std::string html;
    for (const Block& block : list)
      html += std::visit([this](const auto& content) { return write(content); }, block.content);
    return html;
  }

  std::string write(const Paragraph& paragraph) { return fmt::format("<p>{}</p>\n", escape_html(paragraph.text)); }

  std::string write(const List& list) {
    std::string html = "<ul>\n";
    for (const std::string& item : list.items) html += fmt::format("<li>{}</li>\n", escape_html(item));
    return html + "</ul>\n";
  }

  std::string write(const Cards& block) {
    if (block.cards.empty()) return "";
    std::string html = "<div class=\"cards\">\n";
    for (const Card& card : block.cards) {
      const std::string number = card.exact ? fmt::format(" data-value=\"{}\"", exact(*card.exact)) : "";
      html += fmt::format("<p class=\"card\"><strong class=\"value\"{}>{}</strong> {}</p>\n", number,
                          escape_html(card.value), element("span", "sentence", card.sentence));
    }
    return html + "</div>\n";
  }

  std::string write(const TableBlock& block) {
    const std::string label = block.table.caption.empty() ? "Table" : "Table: " + block.table.caption;
    const std::string box = scrolling("scroll table", label, to_html(block.table));
    return block.fold.empty() ? box : folded(block.fold, box);
  }

  std::string write(const FigureBlock& figure) {
    const int number = ++figures_;
    std::string html = fmt::format("<figure id=\"figure-{}\">\n", number);
    if (figure.svg.empty()) {
      html +=
          element("p", "missing", figure.missing.empty() ? "This figure could not be drawn." : figure.missing) + "\n";
    } else {
      const std::string& description = figure.description.empty() ? figure.caption : figure.description;
      html += scrolling("scroll plot", figure.title,
                        inline_svg(figure.svg, figure.title, description, fmt::format("f{}-", number)) + "\n");
    }
    html += fmt::format("<figcaption><strong>Figure {}. {}</strong>", number, escape_html(figure.title));
    if (!figure.caption.empty()) html += fmt::format(" {}", escape_html(figure.caption));
    if (!figure.how_to_read.empty())
      html += fmt::format(" {}", element("span", "how", "How to read it: " + figure.how_to_read));
    return html + "</figcaption>\n</figure>\n";
  }

  std::string write(const FigureRow& row) {
    std::string html = "<div class=\"figures\">\n";
    for (const FigureBlock& figure : row.figures) html += write(figure);
    return html + "</div>\n";
  }

  std::string write(const Code& code) {
    const std::string label = code.label.empty() ? "" : element("p", "label", code.label) + "\n";
    return fmt::format("{}<pre><code>{}</code></pre>\n", label, escape_html(code.text));
  }

  std::string write(const Callout& callout) {
    const auto [css_class, word] = [&]() -> std::pair<const char*, const char*> {
      switch (callout.kind) {
        case Callout::Kind::Limit: return {"limit", "Limit"};
        case Callout::Kind::Warning: return {"warning", "Warning"};
        case Callout::Kind::Note: break;
      }
      return {"note", "Note"};
    }();
    const std::string title = fmt::format("{}: {}", word, callout.title);
    std::string html =
        fmt::format("<div class=\"callout {}\" role=\"note\">{}", css_class, element("p", "kind", title));
    if (!callout.text.empty()) html += fmt::format("<p>{}</p>", escape_html(callout.text));
    return html + "</div>\n";
  }

  std::string write(const Fold& fold) { return folded(fold.summary, blocks(fold.blocks)); }

 private:
  static std::string folded(const std::string& summary, const std::string& html) {
    return fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape_html(summary), html);
  }

  int figures_ = 0;
};

std::string head(const Page& page) {
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
  };
  if (page.language.empty() || !std::all_of(page.language.begin(), page.language.end(), allowed))
    throw std::invalid_argument(
        fmt::format("to_html: the language is \"{}\"; it must be a tag like en", page.language));
  std::string html =
      fmt::format("<!DOCTYPE html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n", page.language);
  html +=
      "<meta http-equiv=\"Content-Security-Policy\" "
      "content=\"default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action "
      "'none'\">\n";
  html += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
  html += "<meta name=\"referrer\" content=\"no-referrer\">\n";
  html += "<link rel=\"icon\" href=\"data:,\">\n";  // or a server would be asked for /favicon.ico
  html += fmt::format("<title>{}</title>\n<style>", escape_html(one_line(page.title)));
  html += page_style;
  return html + "</style>\n</head>\n";
}

std::string masthead(const Page& page, Writer& writer) {
  std::string html = fmt::format("<header>\n<h1>{}</h1>\n", escape_html(page.title));
  if (!page.subtitle.empty()) html += element("p", "subtitle", page.subtitle) + "\n";
  if (!page.answer.empty()) html += element("p", "answer", page.answer) + "\n";
  html += writer.write(Cards{page.cards});
  if (!page.facts.empty()) {
    html += "<dl class=\"facts\">\n";
    for (const auto& [name, value] : page.facts)
      html += fmt::format("<div><dt>{}</dt><dd>{}</dd></div>\n", escape_html(name), escape_html(value));
    html += "</dl>\n";
  }
  return html + "</header>\n";
}

std::string contents(const Page& page) {
  std::string html = "<nav aria-labelledby=\"contents\">\n<h2 id=\"contents\">Contents</h2>\n<ol>\n";
  for (std::size_t s = 0; s < page.sections.size(); ++s)
    html += fmt::format("<li><a href=\"#section-{}\">{}</a></li>\n", s + 1, escape_html(page.sections[s].heading));
  return html + "</ol>\n</nav>\n";
}

}  // namespace

std::string footer(const std::string& version) {
  return fmt::format("Made by crosstalk {}. This file loads nothing and sends nothing.", version);
}

std::string to_html(const Page& page) {
  Writer writer;
  std::string html = head(page) + "<body>\n" + masthead(page, writer) + "<div class=\"body\">\n";
  if (page.sections.size() > 1) html += contents(page);
  html += "<main>\n";
  for (std::size_t s = 0; s < page.sections.size(); ++s) {
    const Section& section = page.sections[s];
    html +=
        fmt::format("<section id=\"section-{0}\" aria-labelledby=\"heading-{0}\">\n<h2 id=\"heading-{0}\">{1}</h2>\n",
                    s + 1, escape_html(section.heading));
    html += writer.blocks(section.blocks) + "</section>\n";
  }
  html += "</main>\n</div>\n";
  if (!page.footer.empty()) html += fmt::format("<footer><p>{}</p></footer>\n", escape_html(page.footer));
  return html + "</body>\n</html>\n";
}

}  // namespace crosstalk::report
