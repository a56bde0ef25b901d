#pragma once

#include <functional>

#include <nlohmann/json.hpp>

namespace CLI {
class App;
}

namespace crosstalk::app {

/// Every flag that can change the result, in the program's order.
struct Configuration {
  nlohmann::ordered_json flags;     ///< as set, else its default; null where there is neither
  nlohmann::ordered_json defaults;  ///< what it is when it is not set
};
/// Runs a command after its flags have been read; returns the exit code.
using Action = std::function<int(const Configuration&)>;

/// Each adds a subcommand's flags to `app` and returns what to do with them.
Action add_audit(CLI::App& app);
Action add_attack(CLI::App& app);
Action add_certify(CLI::App& app);
Action add_check_gradient(CLI::App& app);
Action add_data(CLI::App& app);
Action add_defend(CLI::App& app);
Action add_fit(CLI::App& app);
Action add_options_command(CLI::App& app);
Action add_predict(CLI::App& app);
Action add_protect(CLI::App& app);
Action add_reproduce(CLI::App& app);
Action add_screen(CLI::App& app);
Action add_verify(CLI::App& app);

}  // namespace crosstalk::app
