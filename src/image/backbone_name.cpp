#include "crosstalk/image/network/backbone_name.hpp"

namespace crosstalk::image {

BackboneName backbone_named(std::string_view word) {
  return kBackboneNames.named(word);
}

std::string to_string(BackboneName name) {
  return std::string(kBackboneNames.name_of(name));
}

const std::vector<std::string>& backbone_names() {
  static const std::vector<std::string> names = kBackboneNames.names();
  return names;
}

}  // namespace crosstalk::image
