#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "crosstalk/error.hpp"
#include "file_set.hpp"

namespace crosstalk::image {

namespace {

struct Person {
  int age = 0;
  int gender = 0;
  int race = 0;
};

// age_gender_race_...
std::optional<Person> person_in(const std::string& name) {
  const std::string base = std::filesystem::path(name).filename().string();
  std::string_view rest = base;
  std::array<int, 3> fields = {};
  constexpr std::array<int, 3> largest = {150, 1, 4};
  for (std::size_t f = 0; f < fields.size(); ++f) {
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), fields[f]);
    if (error != std::errc() || end == rest.data() + rest.size() || *end != '_' || fields[f] < 0 ||
        fields[f] > largest[f])
      return std::nullopt;
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()) + 1);
  }
  return Person{fields[0], fields[1], fields[2]};
}

// 0-2, 3-9, 10-19, ..., 60-69, 70+
int age_bin(int age) {
  return age < 3 ? 0 : std::min(age / 10 + 1, 8);
}

}  // namespace

bool has_utkface_names(const FileStore& store) {
  std::ptrdiff_t balance = 0;
  for (const std::string& name : store.names())
    if (is_image_name(name)) balance += person_in(name) ? 1 : -1;
  return balance > 0;
}

FilePlan utkface_plan(std::unique_ptr<FileStore> store) {
  FilePlan plan;
  plan.tasks = {{"age", Kind::Classes, {"0-2", "3-9", "10-19", "20-29", "30-39", "40-49", "50-59", "60-69", "70+"}},
                {"race", Kind::Classes, {"White", "Black", "Asian", "Indian", "Other"}},
                {"gender", Kind::Binary, {"male", "female"}}};
  plan.maps.resize(plan.tasks.size());
  std::vector<Person> people;
  for (const std::string& name : store->names()) {
    if (!is_image_name(name)) continue;
    if (const auto person = person_in(name)) {
      plan.files.push_back(name);
      people.push_back(*person);
    } else {
      plan.notes.push_back(fmt::format("left out: {}: its name lacks a field of age_gender_race_", store->place(name)));
    }
  }
  plan.labels.resize(static_cast<Eigen::Index>(people.size()), 3);
  for (std::size_t i = 0; i < people.size(); ++i)
    plan.labels.row(static_cast<Eigen::Index>(i)) << age_bin(people[i].age), people[i].race, people[i].gender;
  plan.store = std::move(store);
  return plan;
}

}  // namespace crosstalk::image
