#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "crosstalk/defence/group_certificate.hpp"
#include "crosstalk/pages/audit_page.hpp"
#include "crosstalk/report/page.hpp"
#include "crosstalk/report/table.hpp"

namespace crosstalk::pages {

/// What a certificate's tables and page tell.
struct CertificateFacts {
  std::string data_name;
  std::string loss;
  bool classes = false;  ///< accuracies in place of RMSE
  std::vector<std::string> notes;
  std::vector<std::string> tasks;       ///< m
  std::vector<std::size_t> group;       ///< m, group_of each
  std::vector<std::size_t> train_rows;  ///< m
  std::size_t features = 0;
  bool held_out = true;  ///< the rows measured on are not the training rows
  defence::GroupOptions options;
  defence::GroupCertificate certificate;
  std::vector<double> single;  ///< m: mean loss, or for classes share of right signs, of the tasks learned alone
  double single_total = 0.0;   ///< over all rows
  double single_lambda = 0.0;
  std::string version;

  [[nodiscard]] std::size_t most() const { return static_cast<std::size_t>(certificate.total_losses.size()) - 1; }
  /// What the tables tell: RMSE in units of the label, or a share of right signs.
  [[nodiscard]] std::string measure() const { return classes ? "accuracy" : "rmse"; }
  [[nodiscard]] double total(std::size_t k) const;
  [[nodiscard]] double of_task(std::size_t task, std::size_t k) const;
  /// The largest k at which the proven worst is still better than every task alone; none: -1.
  [[nodiscard]] int most_tasks_better_than_alone() const;
};

/// "certificate", a row for each k, and "tasks", a row for each task: stems of files and tables.
std::vector<std::pair<std::string, report::Table>> certificate_tables(const CertificateFacts& facts);
/// The proven worst against k, with the tasks alone as a line.
std::vector<AuditFigure> certificate_figures(const CertificateFacts& facts);
report::Page certificate_page(const CertificateFacts& facts, const std::map<std::string, std::string>& svgs);
/// The result in two sentences.
std::string certificate_answer(const CertificateFacts& facts);

}  // namespace crosstalk::pages
