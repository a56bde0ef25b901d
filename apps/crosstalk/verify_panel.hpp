#pragma once

#include "commands.hpp"
#include "networks.hpp"

namespace crosstalk::app {

/// `verify --panel`: each learner of the panel is a `verify` of its own, in a process and an output folder of its own.
int verify_panel(const VerifyFlags& flags, const Configuration& configuration);

}  // namespace crosstalk::app
