#pragma once

#include <optional>
#include <string>
#include <type_traits>

#include <CLI/CLI.hpp>

#include "crosstalk/option_table.hpp"

namespace crosstalk::app {

template <class Variable>
inline constexpr bool is_a_number = std::is_arithmetic_v<Variable>;
template <class Variable>
inline constexpr bool is_a_number<std::optional<Variable>> = std::is_arithmetic_v<Variable>;

/// Lets the flag take what the option may be, and say so; a number outside its range is refused as require_range does.
/// @param name  as typed, for messages: --batch-share.
void limit(CLI::Option& flag, const std::string& name, const OptionText& option, bool is_number);

/// A flag for a variable of the command: key, meaning, words and range are the option's, the default is what the
/// variable holds.
template <class Variable>
CLI::Option* add_described(CLI::App& command, Variable& variable, const OptionText& option, const std::string& group) {
  const std::string name = "--" + option.key;
  CLI::Option* flag = nullptr;
  if constexpr (std::is_same_v<Variable, bool>)
    flag = command.add_flag(name, variable, option.meaning);
  else
    flag = command.add_option(name, variable, option.meaning);
  limit(*flag, name, option, is_a_number<Variable>);
  return flag->group(group);
}

/// The same for a member of a struct of the library that describes itself.
template <class Variable, class Struct, class Value>
CLI::Option* add_flag(CLI::App& command, Variable& variable, Value Struct::*member, const std::string& group) {
  return add_described(command, variable, Struct::table().of(member), group);
}

}  // namespace crosstalk::app
