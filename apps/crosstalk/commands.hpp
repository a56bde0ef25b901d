#pragma once

#include <functional>

#include <nlohmann/json.hpp>

namespace CLI {
class App;
}

namespace crosstalk::app {

/// What the user set, flag by flag, for the record.
using Configuration = nlohmann::ordered_json;
/// Runs a command after its flags have been read; returns the exit code.
using Action = std::function<int(const Configuration&)>;

/// Each adds a subcommand's flags to `app` and returns what to do with them.
Action add_audit(CLI::App& app);
Action add_attack(CLI::App& app);
Action add_data(CLI::App& app);
Action add_fit(CLI::App& app);
Action add_predict(CLI::App& app);

}  // namespace crosstalk::app
