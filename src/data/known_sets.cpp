#include "crosstalk/data/known_sets.hpp"

#include <algorithm>
#include <cstdlib>

namespace crosstalk::data {

namespace fs = std::filesystem;

namespace {

std::vector<KnownSet> list() {
  // Full commits, so that an address always gives the same bytes.
  const std::string github = "https://raw.githubusercontent.com/";
  const std::string mnist = github + "fgnt/mnist/ae608a02b796c9ee908c082585a5f006fe05258e/";
  const std::string landmine =
      github + "daizhongxiang/Federated_Bayesian_Optimization/30a4548606f2ae9bc62c6bf0eb4110177aa3876a/";
  const std::string sarcos = github + "probml/pmtkdata/1f3ffa3d21a38c8e9e5010dcedb71262b35b446a/";
  const std::string malsar = github + "jiayuzhou/MALSAR/fb9751594983df020ddc4f7e4a40520ee7c37989/data/";
  const std::string parkinsons =
      github + "behnazrzf/Parkinson-s_Telemonitoring/f603774b38bfc967f20b4752bec4b6f872917d98/data/";
  const std::string student = github + "eliavw/mercs/f7292171e026151b9acb84b0bc8e4f39730d0458/data/";
  const std::string movielens =
      github + "hasstariq/Collaborative-Filltering-/02202ae65f474026d8fedcdd87b4e7c60ef13cc4/ml-latest-small/";
  return {
      {"fashion-mnist",
       "Fashion-MNIST: grey 28 x 28 pictures of ten kinds of garment",
       "fashion-mnist",
       10,
       "One task a garment against the rest: 300 rows of it and 300 of the others drawn from the training files, as "
       "many from the test files; pixels 0..255; 128 principal components; squared hinge loss.",
       "MIT licence",
       "Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv:1708.07747, 2017",
       "dataset-fashion-mnist",
       {{"train-images-idx3-ubyte.gz", 26421856, "b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7",
         ""},
        {"train-labels-idx1-ubyte.gz", 29491, "0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056", ""},
        {"t10k-images-idx3-ubyte.gz", 4422079, "cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa", ""},
        {"t10k-labels-idx1-ubyte.gz", 5125, "8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05", ""}}},
      {"mnist",
       "MNIST: grey 28 x 28 pictures of handwritten digits",
       "mnist",
       10,
       "One task a digit against the rest: 300 rows of it and 300 of the others drawn from the training files, as many "
       "from the test files; pixels 0..255; 128 principal components; squared hinge loss.",
       "CC BY-SA 3.0 (check at the source)",
       "LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proc. IEEE 86, 1998",
       "",
       {{"train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
         mnist + "train-images-idx3-ubyte.gz"},
        {"train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
         mnist + "train-labels-idx1-ubyte.gz"},
        {"t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
         mnist + "t10k-images-idx3-ubyte.gz"},
        {"t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
         mnist + "t10k-labels-idx1-ubyte.gz"}}},
      {"sarcos",
       "Sarcos: inverse dynamics of a robot arm with seven joints (the 4,449 rows of the test file)",
       "sarcos",
       7,
       "One task a torque over the same 21 inputs; duplicate inputs dropped, then 300 training and 600 test rows "
       "drawn, the same rows for all tasks; squared loss.",
       "none stated",
       "Vijayakumar, Schaal: Locally weighted projection regression, ICML 2000; Rasmussen, Williams: Gaussian "
       "Processes for Machine Learning, 2006",
       "",
       {{"sarcos_inv_test.mat", 996776, "161a59b5c3b4f4b404584323f181607b2acbe620eb134dc720760dc3f38f5cec",
         sarcos + "sarcos_inv_test.mat"}}},
      {"landmine",
       "Landmine: radar images of 29 fields, mine or clutter",
       "landmine",
       29,
       "One task a field, 9 features, labels 0 read as -1; 80 % of each task held out, which leaves 89 to 138 rows; "
       "squared hinge loss.",
       "none stated",
       "Xue, Liao, Carin, Krishnapuram: Multi-task learning for classification with Dirichlet process priors, JMLR 8, "
       "2007",
       "",
       {{"LandmineData.mat", 1085456, "2163ab20a80e33a8b65593c48cf283c540599dcb291105e63fa4af2ce24c2bea",
         landmine + "LandmineData.mat"}}},
      {"school",
       "School: exam scores of 15,362 London students in 139 schools",
       "school",
       139,
       "One task a school, 27 features (the constant last column is dropped); 25 % held out; squared loss.",
       "none stated; published as open teaching data",
       "Nuttall, Goldstein, Prosser, Rasbash: Differential school effectiveness, Int. J. Educational Research 13, 1990",
       "",
       {{"school.mat", 44759, "57fb3238fdd03a9aa17276e2ce18d9bbb5d128c3261e794fe6233b58b6909068",
         malsar + "school.mat"}}},
      {"parkinsons",
       "Parkinson's telemonitoring: symptom scores of 42 patients from their voices",
       "parkinsons",
       42,
       "One task a patient (subject#), 19 features, label motor_UPDRS (total_UPDRS is dropped); squared loss.",
       "CC BY 4.0 (check at the source)",
       "Tsanas, Little, McSharry, Ramig: Accurate telemonitoring of Parkinson's disease progression, IEEE Trans. "
       "Biomedical Engineering 57, 2010",
       "",
       {{"parkinsons_updrs.data", 911261, "f2c7d5025dec4e92e7feae367a5f7ccf58789a10ac6b54bdf15976c599f9dd39",
         parkinsons + "parkinsons_updrs.data"}}},
      {"student",
       "Student performance: final grades of pupils in two courses",
       "student",
       2,
       "One task a course (mathematics, portuguese), label G3; nominal columns one-hot encoded; squared loss.",
       "CC BY 4.0 (check at the source)",
       "Cortez, Silva: Using data mining to predict secondary school student performance, FUBUTEC 2008",
       "",
       {{"student-mat.csv", 56993, "e47f9ee225e1ee6e69b7564e6dac7123e80b8486677fe111f351964cef5dec80",
         student + "student-mat.csv"},
        {"student-por.csv", 93220, "a7594a11d7771c0efe1a740824e0e833da9c4cad07c39a9766a874575563fb3f",
         student + "student-por.csv"}}},
      {"newsgroups",
       "20 Newsgroups: four two-class problems over 2,000 word counts",
       "newsgroups",
       4,
       "One task a pair of groups, labels 1 and 2 read as -1 and +1; squared hinge loss.",
       "none stated",
       "Zhou, Chen, Ye: MALSAR, Multi-task learning via structural regularization, 2012; 20 Newsgroups: "
       "people.csail.mit.edu/jrennie/20Newsgroups",
       "",
       {{"comp.vs.sci_task1.mat", 233347, "136e73185215cdc5fe7af4c2e0d86dae9da864e119fef95253ef6614d139d7ab",
         malsar + "Newsgroup/comp.vs.sci/task1.mat"},
        {"comp.vs.sci_task2.mat", 209328, "efafdffe36f05668f9cd638cbfad45a96b6e69e385a65fb7a24dda6082adec52",
         malsar + "Newsgroup/comp.vs.sci/task2.mat"},
        {"rec.vs.talk_task1.mat", 251693, "2ccc2c933adb5e9a88524e0d0a90022ee925e3395fead485c2d7d31a14149997",
         malsar + "Newsgroup/rec.vs.talk/Task1.mat"},
        {"rec.vs.talk_task2.mat", 184593, "162fe06ddbad645577a2c538645f72115416811f8ee6dffc2fe2944a1c632e08",
         malsar + "Newsgroup/rec.vs.talk/Task2.mat"}}},
      {"movielens",
       "MovieLens latest-small: 100,836 ratings of films by 610 users",
       "movielens_latest_small",
       610,
       "One task a user with at least 20 ratings, the film's 20 genres as features, the rating as label; squared loss.",
       "GroupLens: research only, no commercial use, redistribution under the same terms; see README.txt",
       "Harper, Konstan: The MovieLens datasets, ACM TiiS 5, 2015; grouplens.org/datasets/movielens/latest",
       "",
       {{"ratings.csv", 2483723, "aa289ca83157595d0df6aea1be6a4ded676ddc4385472e8313a8ed9805352646",
         movielens + "ratings.csv"},
        {"movies.csv", 494431, "5a5f32dd9bb3797b8e728a1b98958789d2b13f294a69fdfbc5727f8a9611aa07",
         movielens + "movies.csv"},
        {"README.txt", 8344, "e165937702ae1fac9237b6bd377f03d027f7ef97175d4a04a203e8b12d5516ea",
         movielens + "README.txt"}}},
  };
}

std::optional<fs::path> from_environment(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return fs::path(value);
}

}  // namespace

const std::vector<KnownSet>& known_sets() {
  static const std::vector<KnownSet> sets = list();
  return sets;
}

const KnownSet* find_known_set(const std::string& name) {
  const auto& sets = known_sets();
  const auto found = std::find_if(sets.begin(), sets.end(), [&](const KnownSet& set) { return set.name == name; });
  return found != sets.end() ? &*found : nullptr;
}

std::optional<fs::path> user_cache() {
  if (const auto cache = from_environment("XDG_CACHE_HOME")) return *cache / "crosstalk";
  if (const auto home = from_environment("HOME")) return *home / ".cache" / "crosstalk";
  return std::nullopt;
}

std::vector<fs::path> default_search_path() {
  std::vector<fs::path> path;
  if (const auto folder = from_environment("CROSSTALK_DATA")) path.push_back(*folder);
  if (const auto cache = user_cache()) path.push_back(*cache);
  path.emplace_back("/usr/share/datasets");
  return path;
}

std::optional<fs::path> locate(const KnownSet& set, const std::vector<fs::path>& search_path) {
  for (const fs::path& root : search_path) {
    const fs::path folder = root / set.folder;
    std::error_code ignored;
    if (std::all_of(set.files.begin(), set.files.end(),
                    [&](const KnownFile& file) { return fs::exists(folder / file.name, ignored); }))
      return folder;
  }
  return std::nullopt;
}

}  // namespace crosstalk::data
