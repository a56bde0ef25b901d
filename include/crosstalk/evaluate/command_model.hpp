#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <Eigen/Core>

#include "crosstalk/attack/schema.hpp"
#include "crosstalk/data/csv.hpp"
#include "crosstalk/data/output_folder.hpp"
#include "crosstalk/evaluate/own_model.hpp"
#include "crosstalk/mtrl/loss.hpp"
#include "crosstalk/problem/problem.hpp"
#include "crosstalk/task_set.hpp"

namespace crosstalk::evaluate {

/// What a command answered about the rows of a test file, in their order.
struct Answers {
  /// n, in the units of the file; -1 and +1 for classes. Empty without the column.
  Eigen::VectorXd predictions;
  Eigen::VectorXd scores;  ///< n, larger for the positive class. Empty without the column.
};

/// Reads a CSV file of answers: the column `prediction` holds a number, or one of the two classes in the words of the
/// data (-1 and 1 where these are none); of classes the column `score` may hold a number beside it or in its place.
/// Other columns are passed over.
/// @param name  of the file, for messages.
/// @throws DataError naming the line, the column and the rule: no such column, a wrong number of rows, an answer that
///   is no finite number or no class.
Answers read_answers(const std::string& text, const std::string& name, std::size_t rows, const mtrl::Loss& loss,
                     const std::optional<data::ClassNames>& classes);

/// The metrics of answers, m x metrics, as mtrl::evaluate tells them of a model: AUC of the scores, or else of the
/// predicted classes; accuracy of the predicted classes, NaN without these.
/// @param rows     the rows that were asked about, with their labels in the units of the file.
/// @param answers  in the order of the rows, task by task.
Eigen::MatrixXd metrics_of_answers(const TaskSet& rows, const mtrl::Loss& loss, const Answers& answers);

/// Learns and scores a model that is a command of the user's. Each run has a folder of its own with train.csv (the
/// training rows in the shape of the user's file, in an order drawn with the seed: nothing tells injected rows from
/// others), test.csv (the evaluation rows without their labels, likewise), log.txt and predictions.csv. train.csv and
/// test.csv are removed where the command succeeded.
class CommandModel {
 public:
  /// @param problem  must outlive this.
  /// @param schema   of the injected rows, where there is one.
  /// @param out      must outlive this.
  /// @throws DataError for data whose shape the files cannot have: several label columns, a test file of its own,
  ///   columns of words without a schema.
  CommandModel(const Problem& problem, std::optional<attack::Schema> schema, OwnModelOptions options,
               const data::OutputFolder& out, std::uint64_t seed);

  /// Runs the command once. May be called from several threads at once. A failure of the command is in the result.
  [[nodiscard]] OwnModelScores learn(const OwnModelRows& rows) const;

 private:
  [[nodiscard]] TaskSet in_file(const OwnModelRows& rows) const;
  [[nodiscard]] std::string training_file(const OwnModelRows& rows) const;

  const Problem& problem_;
  std::optional<attack::Schema> schema_;
  OwnModelOptions options_;
  const data::OutputFolder& out_;
  std::uint64_t seed_;
  const TaskSet& asked_;                 ///< the evaluation rows in the units of the file
  std::vector<std::size_t> test_order_;  ///< of these, task by task
  std::string test_file_;
};

}  // namespace crosstalk::evaluate
