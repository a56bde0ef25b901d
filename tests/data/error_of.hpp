#pragma once

#include <string>

#include "crosstalk/error.hpp"

namespace crosstalk::data {

/// The message of the DataError that the call throws, with the folder (unless empty) cut out of it; "no error" when it
/// throws none.
template <typename Call>
std::string error_of(const std::string& folder, Call&& call) {
  try {
    call();
  } catch (const DataError& error) {
    std::string message = error.what();
    if (folder.empty()) return message;
    const std::string prefix = folder + "/";
    for (std::size_t at = message.find(prefix); at != std::string::npos; at = message.find(prefix))
      message.erase(at, prefix.size());
    return message;
  }
  return "no error";
}

}  // namespace crosstalk::data
