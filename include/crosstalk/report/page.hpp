#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "crosstalk/report/table.hpp"

namespace crosstalk::report {

// All text below is plain text: it is escaped, whatever it holds. In none of it is there a way to write HTML.

struct Paragraph {
  std::string text = {};
};

struct List {
  std::vector<std::string> items = {};
};

/// A key figure: a number and what it says.
struct Card {
  std::string value = {};  ///< as shown: "14.2 %"
  std::string sentence = {};
  std::optional<double> exact = {};  ///< the number itself, for the attribute data-value
};

struct Cards {
  std::vector<Card> cards = {};
};

struct TableBlock {
  Table table = {};
  std::string fold = {};  ///< not empty: the table is folded away below this line
};

/// A plot, numbered in the order of the page.
struct FigureBlock {
  std::string svg = {};    ///< the SVG file as gnuplot wrote it; empty when it could not be drawn
  std::string title = {};  ///< first words of the caption, also read by screen readers
  std::string caption = {};
  std::string how_to_read = {};
  std::string description = {};  ///< what a reader who cannot see the plot should know; the caption when empty
  std::string missing = {};      ///< shown in place of an empty svg
};

/// Plots side by side where the page is wide enough.
struct FigureRow {
  std::vector<FigureBlock> figures = {};
};

/// Text to copy, in a fixed-width font.
struct Code {
  std::string text = {};
  std::string label = {};  ///< one line above it
};

struct Callout {
  enum class Kind { Note, Limit, Warning };
  Kind kind = Kind::Note;
  std::string title = {};
  std::string text = {};
};

struct Block;

/// Detail that most readers skip: folded away on screen, open in print.
struct Fold {
  std::string summary = {};
  std::vector<Block> blocks;  // without "= {}": Block is not complete here, and clang needs it for one
};

struct Block {
  std::variant<Paragraph, List, Cards, TableBlock, FigureBlock, FigureRow, Code, Callout, Fold> content;

  template <typename Content>
  requires(!std::is_same_v<std::remove_cvref_t<Content>, Block>) Block(Content&& any)
      : content(std::forward<Content>(any)) {}  // a block is any of its contents
};

struct Section {
  std::string heading = {};
  std::vector<Block> blocks = {};
};

/// A report. The first screen is title, answer and cards; the table of contents and the sections follow.
struct Page {
  std::string title = {};
  std::string subtitle = {};                                    ///< what was asked, of what
  std::string answer = {};                                      ///< the result in a sentence or two
  std::vector<Card> cards = {};                                 ///< three or four numbers behind the answer
  std::vector<std::pair<std::string, std::string>> facts = {};  ///< name and value: data, learner, seed, version
  std::vector<Section> sections = {};
  std::string footer = {};
  std::string language = "en";  ///< BCP 47
};

/// What every report ends in: who made it, and that it loads nothing and sends nothing, as to_html has it.
std::string footer(const std::string& version);

/// One HTML file that holds everything it shows: no scripts, no fonts, nothing loaded (and a policy in its head that
/// forbids loading). Same page, same bytes.
/// @throws std::invalid_argument as to_html(Table); for a language tag that is none.
/// @throws DataError as inline_svg.
std::string to_html(const Page& page);

}  // namespace crosstalk::report
