#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "gzip.hpp"

namespace crosstalk::data::mat {

// MATLAB 5 files piece by piece, so that a test can write what no sound program would.

template <typename T>
std::string bytes(const std::vector<T>& values) {
  std::string text(values.size() * sizeof(T), '\0');
  if (!values.empty()) std::memcpy(text.data(), values.data(), text.size());
  return text;
}

inline std::string element(std::uint32_t type, const std::string& data) {
  return bytes<std::uint32_t>({type, static_cast<std::uint32_t>(data.size())}) + data +
         std::string((8 - data.size() % 8) % 8, '\0');
}

inline std::string array(std::uint32_t flags_and_class, const std::vector<std::int32_t>& sizes, const std::string& name,
                         const std::string& content) {
  return element(14, element(6, bytes<std::uint32_t>({flags_and_class, 0})) + element(5, bytes(sizes)) +
                         element(1, name) + content);
}

inline std::string doubles(std::int32_t rows, std::int32_t columns, const std::vector<double>& values,
                           const std::string& name = "") {
  return array(6, {rows, columns}, name, element(9, bytes(values)));
}

inline std::string cells(const std::string& name, const std::vector<std::string>& entries) {
  std::string content;
  for (const std::string& entry : entries) content += entry;
  return array(1, {1, static_cast<std::int32_t>(entries.size())}, name, content);
}

/// A 3 x 2 sparse matrix with entries (0, 0) = 1, (1, 1) = 2, (2, 1) = 3.
inline std::string sparse(const std::string& name) {
  return array(5, {3, 2}, name,
               element(5, bytes<std::int32_t>({0, 1, 2})) + element(5, bytes<std::int32_t>({0, 1, 3})) +
                   element(9, bytes<double>({1, 2, 3})));
}

inline std::string compressed(const std::string& variable) {
  const std::string packed = deflated(variable, 15);
  return bytes<std::uint32_t>({15, static_cast<std::uint32_t>(packed.size())}) + packed;
}

inline std::string file(const std::string& variables) {
  std::string header = "MATLAB 5.0 MAT-file";
  header.resize(124, ' ');
  return header + std::string("\0\1IM", 4) + variables;
}

/// Two variables that make two tasks with two features: 2 rows and 1 row.
inline std::string two_tasks(const std::string& X = "feature", const std::string& Y = "label", bool packed = false) {
  const std::string features = cells(X, {doubles(2, 2, {1, 2, 3, 4}), doubles(1, 2, {5, 6})});
  const std::string labels = cells(Y, {doubles(2, 1, {1, 0}), doubles(1, 1, {1})});
  return packed ? compressed(features) + compressed(labels) : features + labels;
}

}  // namespace crosstalk::data::mat
