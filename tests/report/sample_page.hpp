#pragma once

#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"
#include "report/drawing.hpp"
#include "report/sample.hpp"

namespace sample {

inline crosstalk::report::Table exposure_table(const std::vector<std::string>& tasks = garments) {
  using crosstalk::report::NumberFormat;
  const NumberFormat percent{NumberFormat::Kind::Percent, 1};
  const NumberFormat change{NumberFormat::Kind::Percent, 1, true};
  crosstalk::report::Table table{.caption = "Wrong answers on clean test rows, with 20 % injected rows",
                                 .columns = {{.name = "task"},
                                             {.name = "rows", .format = NumberFormat{NumberFormat::Kind::Decimals, 0}},
                                             {.name = "clean", .format = percent},
                                             {.name = "random rows", .format = change},
                                             {.name = "direct", .format = change},
                                             {.name = "indirect", .format = change},
                                             {.name = "hybrid", .format = change},
                                             {.name = "AUC", .format = NumberFormat{}}},
                                 .rows = {}};
  for (std::size_t t = 0; t < tasks.size(); ++t) {
    const double k = static_cast<double>(t);
    table.rows.push_back({tasks[t], 600.0, 0.02 + 0.011 * k, 0.004 * std::sin(k), 0.06 + 0.02 * std::sin(2.0 * k),
                          0.03 + 0.02 * std::cos(k), 0.08 + 0.02 * std::sin(k), 0.999 - 0.021 * k});
  }
  return table;
}

/// A report with every kind of block; drawn where gnuplot is installed.
inline crosstalk::report::Page page(const std::vector<std::string>& tasks = garments) {
  using namespace crosstalk::report;
  const bool can_draw = test_support::is_installed("gnuplot");
  const auto drawn = [&](const Figure& figure) { return can_draw ? draw(figure).image : std::string(); };
  const std::string missing = "Drawing needs gnuplot. The numbers are in the CSV file beside this report.";
  const std::vector<Card> cards = {
      {"+9.1 points",
       "more wrong answers on the average task when 20 % of the rows are injected by somebody who reaches "
       "every task.",
       0.091},
      {"+4.3 points", "when the injected rows sit only in other tasks.", 0.043},
      {"Sandal", "is the task whose injected rows do most harm to others."},
      {"8 times", "the harm of the same number of random rows.", 8.0}};
  return Page{
      .title = "How exposed is fashion-mnist to poisoned rows?",
      .subtitle = "Ten one-vs-rest tasks learned together, attacked in rehearsal at four budgets.",
      .answer =
          "One injected row in five raises the error of the average task from 4.7 to 13.8 %. Two thirds of that harm "
          "needs no access to the task itself: injected rows in a related task are enough.",
      .cards = cards,
      .facts = {{"Data", "fashion-mnist, 10 tasks of 300 training and 300 test rows, 128 features"},
                {"Learner", "multi-task relationship learning, squared hinge, lambda1 0.01, lambda2 0.1"},
                {"Attack", "PATOM, 10 iterations, labels drawn from the task"},
                {"Seed", "1"},
                {"Version", "crosstalk 0.1.0"}},
      .sections =
          {{"Exposure of the tasks",
            {Paragraph{
                 "Every task was attacked at four budgets. Direct attackers plant rows in the task they want to hurt, "
                 "indirect ones only in other tasks, hybrid ones in both. Random rows are the same number of rows "
                 "without any planning."},
             FigureBlock{
                 drawn(exposure()), "Error by share of injected rows.",
                 "Mean over the ten tasks; the bands hold nine in ten tasks.",
                 "the further a line rises above the grey one, the more a planned attack hurts beyond mere noise.",
                 "Four rising lines; hybrid highest, then direct, indirect, random rows.", missing},
             TableBlock{exposure_table(tasks)},
             FigureBlock{drawn(harm_by_task(tasks)), "Rise of the error by task.", "At 20 % injected rows.",
                         "long dark bars are tasks that need protection first.", "", missing}}},
           {"Who does most harm",
            {FigureBlock{drawn(most_harmful(tasks)), "Harm done by each attacking task.", "",
                         "protect the data source at the top first; it reaches the others.", "", missing},
             Callout{Callout::Kind::Warning, "Sandal, Sneaker and Ankle boot move together",
                     "Who can write into one of them can steer all three."}}},
           {"How tasks are related",
            {FigureRow{
                 {FigureBlock{drawn(correlations(tasks)), "Correlations learned from clean data.", "",
                              "orange cells help each other, blue cells pull apart.", "", missing},
                  FigureBlock{drawn(correlations(tasks, 0.7)), "Correlations after the attack.", "", "", "", missing}}},
             TableBlock{exposure_table(tasks), "All numbers of this section"}}},
           {"Convergence", {FigureBlock{drawn(convergence()), "The learner's fit.", "", "", "", missing}}},
           {"Repeat it",
            {Code{"crosstalk audit fashion-mnist --budget 0.05,0.1,0.2,0.3 --method patom --labels clean --seed 1 "
                  "--cv --out audit-fashion-mnist",
                  "The same numbers come out again with:"}}},
           {"Limits",
            {Callout{Callout::Kind::Limit, "A rehearsal, not a bound",
                     "A better attack may exist. The numbers say what this attack did to this learner."},
             Callout{Callout::Kind::Note, "The clean model matters", ""},
             List{{"One split of the data, one seed.", "The attacker knows the data and the learner."}},
             Fold{"Settings in full", {Paragraph{"lambda1 0.01, lambda2 0.1, smoothing 1e-6."}, Cards{{cards[1]}}}}}}},
      .footer = "Made by crosstalk 0.1.0. This file loads nothing and sends nothing."};
}

}  // namespace sample
