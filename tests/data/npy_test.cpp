#include "crosstalk/data/npy.hpp"

#include <cstdint>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "crosstalk/data/files.hpp"
#include "crosstalk/data/unpacking.hpp"
#include "error_of.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

std::string npy(const std::string& dict, const std::string& data, char version = 1) {
  std::string text("\x93NUMPY", 6);
  text += version;
  text += '\0';
  const auto size = static_cast<std::uint32_t>(dict.size());
  for (int i = 0; i < (version == 1 ? 2 : 4); ++i) text += static_cast<char>(size >> (8 * i));
  return text + dict + data;
}

std::string header(const std::string& type, const std::string& shape, const std::string& order = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + order + ", 'shape': " + shape + ", }  \n";
}

template <typename T>
std::string bytes(std::initializer_list<T> values, bool swapped = false) {
  std::string text;
  for (const T value : values) {
    std::string one(sizeof(T), '\0');
    std::memcpy(one.data(), &value, sizeof(T));
    text += swapped ? std::string(one.rbegin(), one.rend()) : one;
  }
  return text;
}

std::string error(const std::string& content) {
  return error_of("", [&] { parse_npy(content, "a.npy"); });
}

template <typename T>
void expect_type(const std::string& kind) {
  const Eigen::Vector3d expected(1, 2, 100);
  EXPECT_EQ(parse_npy(npy(header("<" + kind, "(3,)"), bytes<T>({1, 2, 100})), "a").values, expected) << kind;
  EXPECT_EQ(parse_npy(npy(header(">" + kind, "(3,)"), bytes<T>({1, 2, 100}, true)), "a").values, expected) << kind;
}

TEST(Npy, ReadsEveryNumberTypeInBothByteOrders) {
  expect_type<double>("f8");
  expect_type<float>("f4");
  expect_type<std::int64_t>("i8");
  expect_type<std::int32_t>("i4");
  expect_type<std::int16_t>("i2");
  expect_type<std::uint64_t>("u8");
  expect_type<std::uint32_t>("u4");
  expect_type<std::uint16_t>("u2");
  EXPECT_EQ(parse_npy(npy(header("|i1", "(2,)"), "\xff\x02"), "a").values, Eigen::Vector2d(-1, 2));
  EXPECT_EQ(parse_npy(npy(header("|u1", "(2,)"), "\xff\x02"), "a").values, Eigen::Vector2d(255, 2));
  EXPECT_EQ(parse_npy(npy(header("|b1", "(2,)"), std::string("\x01\0", 2)), "a").values, Eigen::Vector2d(1, 0));
}

TEST(Npy, ReadsEveryShapeOrderAndVersion) {
  const std::string data = bytes<double>({1, 2, 3, 4, 5, 6});
  const Eigen::MatrixXd rows = (Eigen::MatrixXd(2, 3) << 1, 2, 3, 4, 5, 6).finished();
  const Eigen::MatrixXd columns = (Eigen::MatrixXd(2, 3) << 1, 3, 5, 2, 4, 6).finished();
  for (const char version : {'\1', '\2', '\3'})
    EXPECT_EQ(parse_npy(npy(header("<f8", "(2, 3)"), data, version), "a").values, rows);
  EXPECT_EQ(parse_npy(npy(header("<f8", "(2, 3)", "True"), data), "a").values, columns);

  const Array scalar = parse_npy(npy(header("<f8", "()"), bytes<double>({7})), "a");
  EXPECT_EQ(scalar.dimensions, 0);
  EXPECT_EQ(scalar.values(0, 0), 7);
  EXPECT_EQ(parse_npy(npy(header("<f8", "(6,)"), data), "a").dimensions, 1);
  EXPECT_EQ(parse_npy(npy(header("<f8", "(0, 3)"), ""), "a").values.cols(), 3);
}

TEST(Npy, NamesTypesThatAreNoRealNumbers) {
  EXPECT_EQ(error(npy(header("|O", "(1,)"), "xxxxxxxx")),
            "a.npy: its type \"|O\" is pickled Python objects; only real numbers can be read");
  EXPECT_EQ(error(npy(header("<c16", "(1,)"), "xxxxxxxxxxxxxxxx")),
            "a.npy: its type \"<c16\" is complex numbers; only real numbers can be read");
  EXPECT_EQ(error(npy(header("<U3", "(1,)"), "xxxx")),
            "a.npy: its type \"<U3\" is text; only real numbers can be read");
  EXPECT_EQ(error(npy(header("<f2", "(1,)"), "xx")),
            "a.npy: its type \"<f2\" is not known; only real numbers can be read");
  EXPECT_EQ(error(npy("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (1,), }", "xxxxxxxx")),
            "a.npy: holds records with fields; only plain numbers can be read");
}

TEST(Npy, NamesSizesThatDoNotMatch) {
  EXPECT_EQ(error(npy(header("<f8", "(2, 3)"), "12345678")),
            "a.npy: the header promises 2 x 3 numbers of 8 bytes, but 8 bytes follow");
  EXPECT_EQ(error(npy(header("<f8", "(4611686018427387904, 4)"), "")),
            "a.npy: the header promises 4611686018427387904 x 4 numbers of 8 bytes, but 0 bytes follow");
  EXPECT_EQ(error(npy(header("<f8", "(18446744073709551615, 0)"), "")),
            "a.npy: the shape 18446744073709551615 x 0 is absurd");
  EXPECT_EQ(error(npy(header("<f8", "(1, 2, 3)"), "")), "a.npy: has 3 dimensions (1 x 2 x 3); at most 2 can be read");
}

TEST(Npy, NamesHeadersThatAreWrong) {
  EXPECT_EQ(error("hello, world"), "a.npy: is not a .npy file");
  EXPECT_EQ(error(npy("", "").substr(0, 8) + std::string("\xff\xff")), "a.npy: the file is cut short");
  EXPECT_EQ(error(npy("{}", "", 9)), "a.npy: .npy version 9 is not known; 1 to 3 are");
  for (const std::string dict :
       {"", "{", "{'descr'", "{'descr': '<f8', 'shape': (x,)}", "{'shape': (1,)}", "{'colour': 1}"})
    EXPECT_EQ(error(npy(dict, "")), "a.npy: the .npy header cannot be understood: \"" + dict + "\"");
}

TEST(Npy, RefusesIntegersThatDoublesCannotHold) {
  EXPECT_EQ(error(npy(header("<i8", "(1,)"), bytes<std::int64_t>({(std::int64_t{1} << 53) + 2}))),
            "a.npy: the integer 9007199254740994 is beyond 2^53, which doubles cannot hold exactly");
}

class Npz : public testing::Test {
 protected:
  TemporaryFolder folder;
  Array vector(std::initializer_list<double> values) {
    Eigen::VectorXd v(static_cast<Eigen::Index>(values.size()));
    std::copy(values.begin(), values.end(), v.begin());
    return {v, 1};
  }
  std::string tasks_error(const std::map<std::string, Array>& arrays) {
    write_npz(folder / "f.npz", arrays);
    return error_of(folder.path().string(), [&] { read_npz_tasks(folder / "f.npz"); });
  }
  const Array X{(Eigen::MatrixXd(3, 2) << 1, 2, 3, 4, 5, 6).finished(), 2};
};

TEST_F(Npz, WhatItWritesReadsBackAndTwiceTheSameBytes) {
  const std::map<std::string, Array> arrays = {
      {"X", X}, {"empty", {Eigen::MatrixXd(0, 4), 2}}, {"s", {X.values.topLeftCorner(1, 1), 0}}};
  write_npz(folder / "a.npz", arrays);
  write_npz(folder / "b.npz", arrays);
  const auto back = read_npz(folder / "a.npz");
  ASSERT_EQ(back.size(), 3U);
  EXPECT_EQ(back.at("X").values, X.values);
  EXPECT_EQ(back.at("empty").values.cols(), 4);
  EXPECT_EQ(back.at("s").dimensions, 0);
  EXPECT_EQ(npz_names(folder / "a.npz"), (std::vector<std::string>{"X", "empty", "s"}));
  EXPECT_EQ(read_file(folder / "a.npz"), read_file(folder / "b.npz"));
  EXPECT_EQ(read_npz(folder / "a.npz", {"s"}).size(), 1U);
}

TEST_F(Npz, TasksByRow) {
  write_npz(folder / "f.npz", {{"X", X}, {"y", vector({1, -1, 1})}, {"task", vector({7, -3, 7})}});
  const TaskSet tasks = read_npz_tasks(folder / "f.npz");
  EXPECT_EQ(tasks.names(), (std::vector<std::string>{"7", "-3"}));
  EXPECT_EQ(tasks[0].features, (Eigen::Matrix2d() << 1, 2, 5, 6).finished());
  EXPECT_EQ(tasks[1].labels(0), -1);
}

TEST_F(Npz, WithoutTaskOneTask) {
  write_npz(folder / "f.npz", {{"X", X}, {"y", vector({1, -1, 1})}});
  EXPECT_EQ(read_npz_tasks(folder / "f.npz").names(), std::vector<std::string>{"all"});
}

TEST_F(Npz, TasksByArray) {
  write_npz(folder / "f.npz",
            {{"X0", X}, {"y0", vector({1, 2, 3})}, {"X1", {X.values.topRows(1), 2}}, {"y1", vector({4})}});
  const TaskSet tasks = read_npz_tasks(folder / "f.npz");
  EXPECT_EQ(tasks.names(), (std::vector<std::string>{"0", "1"}));
  EXPECT_EQ(tasks[1].labels(0), 4);
}

TEST_F(Npz, NamesWhatDoesNotFit) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(tasks_error({{"data", X}, {"labels", X}}),
            "f.npz: holds \"data\", \"labels\"; expected X, y and perhaps task, or X0, y0, X1, y1, ...");
  EXPECT_THROW(write_npz(folder / "f.npz", {}), std::invalid_argument);
  EXPECT_EQ(tasks_error({{"X", X}, {"y", vector({1, 2})}}),
            "f.npz: task \"all\" has 3 x 2 features but 2 x 1 labels; one label a row is needed");
  EXPECT_EQ(tasks_error({{"X", X}, {"y", vector({1, 2, 3})}, {"task", vector({1, 2})}}),
            "f.npz: array \"task\" is 2 x 1 for 3 rows of X");
  EXPECT_EQ(tasks_error({{"X", X}, {"y", vector({1, 2, 3})}, {"task", vector({1, 2, 2.5})}}),
            "f.npz: array \"task\" holds 2.5 at row 2; whole numbers name the tasks");
  EXPECT_EQ(tasks_error({{"X", X}, {"y", vector({1, nan, 3})}}),
            "f.npz: task 1 (\"all\") has a label that is not a finite number");
}

TEST_F(Npz, NamesDamage) {
  write_npz(folder / "f.npz", {{"X", X}});
  std::string content = read_file(folder / "f.npz");
  const auto error = [&] { return error_of(folder.path().string(), [&] { read_npz(folder / "f.npz"); }); };
  content[200] = static_cast<char>(content[200] ^ 1);  // in the numbers: only the checksum can tell
  folder.write("f.npz", content);
  EXPECT_EQ(error(), "f.npz: array \"X\": is damaged (CRC error)");
  folder.write("f.npz", content.substr(0, content.size() / 2));
  // libzip 1.7 says "Not a zip archive", libzip 1.11 "Possibly truncated or corrupted zip archive".
  EXPECT_THAT(error(), testing::MatchesRegex("f.npz: is not a .npz file, or is cut short .*zip archive.*"));
  EXPECT_EQ(error_of(folder.path().string(), [&] { read_npz(folder / "absent.npz"); }),
            "absent.npz: No such file or directory");
  write_npz(folder / "f.npz", {{"X", X}});
  EXPECT_EQ(error_of(folder.path().string(), [&] { read_npz(folder / "f.npz", {"Y"}); }),
            "f.npz: no array \"Y\"; it holds \"X\"");
}

// Two entries of the directory with the same bytes: the trick by which 39 kB unpack to gigabytes.
TEST_F(Npz, ArraysThatOverlapAreRefused) {
  write_npz(folder / "f.npz", {{"X", {Eigen::MatrixXd::Zero(100, 10), 2}}});
  std::string content = read_file(folder / "f.npz");
  const std::size_t begin = content.find("PK\1\2");
  const std::size_t end = content.find("PK\5\6");
  std::string second = content.substr(begin, end - begin);
  second.replace(second.find("X.npy"), 1, "Y");
  std::string tail = content.substr(end);
  tail[8] = tail[10] = 2;  // entries
  const auto bytes = static_cast<std::uint32_t>(2 * second.size());
  for (std::size_t i = 0; i < 4; ++i) tail[12 + i] = static_cast<char>(bytes >> (8 * i));
  folder.write("f.npz", content.substr(0, end) + second + tail);
  EXPECT_EQ(error_of(folder.path().string(), [&] { read_npz(folder / "f.npz"); }),
            "f.npz: its arrays overlap in the file, or their sizes are wrong");
}

TEST_F(Npz, ANameThatIsNotUtf8IsRefusedBeforeAnyWork) {
  write_npz(folder / "f.npz", {{"task", X}});
  std::string content = read_file(folder / "f.npz");
  for (std::size_t at = content.find("task.npy"); at != std::string::npos; at = content.find("task.npy", at + 1))
    content.replace(at, 8, "t\344sk.npy");
  folder.write("f.npz", content);
  // libzip 1.11 refuses such an archive itself.
  EXPECT_THAT(error_of(folder.path().string(), [&] { read_npz(folder / "f.npz"); }),
              testing::AnyOf("f.npz: the name of array \"t\344sk\" is not UTF-8; rename it",
                             "f.npz: is not a .npz file, or is cut short (Zip archive inconsistent: entry 0: invalid "
                             "UTF-8 in filename)"));
}

TEST_F(Npz, AllArraysTogetherUnpackToNoMoreThanIsAllowed) {
  write_npz(folder / "f.npz", {{"X", {Eigen::MatrixXd::Zero(100, 10), 2}}, {"Y", {Eigen::MatrixXd::Zero(100, 10), 2}}});
  set_most_unpacked_bytes(12'000);
  const std::string message = error_of(folder.path().string(), [&] { read_npz(folder / "f.npz"); });
  EXPECT_NO_THROW(read_npz(folder / "f.npz", {"X"}));
  set_most_unpacked_bytes(0);
  EXPECT_TRUE(message.starts_with("f.npz: unpacks to more than")) << message;
}

TEST(NdArray, ReadsAnyNumberOfDimensionsInCOrder) {
  const std::string data = bytes<std::int16_t>({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  const NdArray c = parse_npy_array(npy(header("<i2", "(2, 3, 2)"), data), "a");
  EXPECT_EQ(c.shape, (std::vector<std::size_t>{2, 3, 2}));
  EXPECT_EQ(c.type, "i2");
  EXPECT_TRUE(c.is_integer());
  ASSERT_EQ(c.size(), 12U);
  for (std::size_t i = 0; i < 12; ++i) EXPECT_EQ(c.value(i), static_cast<double>(i));
  // In Fortran order the number at (i, j, k) is i + 2 j + 6 k.
  const NdArray fortran = parse_npy_array(npy(header("<i2", "(2, 3, 2)", "True"), data), "a");
  for (std::size_t i = 0; i < 12; ++i)
    EXPECT_EQ(fortran.value(i), static_cast<double>(i / 6 + 2 * (i / 2 % 3) + 6 * (i % 2)));
  const NdArray big = parse_npy_array(npy(header(">f4", "(1, 1, 2)"), bytes<float>({0.5F, -3.0F}, true)), "a");
  EXPECT_EQ(big.value(1), -3.0);
  EXPECT_FALSE(big.is_integer());
  EXPECT_EQ(parse_npy_array(npy(header("<f8", "()"), bytes<double>({7})), "a").value(0), 7.0);
}

TEST(NdArray, IsReadBackAsItWasWritten) {
  const NdArray array = array_of(std::vector<float>{1, 2, 3, 4, 5, 6}, {1, 3, 2});
  const NdArray again = parse_npy_array(format_npy(array), "a");
  EXPECT_EQ(again.type, "f4");
  EXPECT_EQ(again.shape, array.shape);
  EXPECT_EQ(again.bytes, array.bytes);
  const std::map<std::string, NdArray> arrays = {{"a", array}, {"b", {"u1", {2}, "xy"}}};
  const std::string content = format_npz(arrays);
  EXPECT_EQ(format_npz(arrays), content);
  const auto read = parse_npz_arrays(content, "a.npz");
  ASSERT_EQ(read.size(), 2U);
  EXPECT_EQ(read.at("b").bytes, "xy");
  EXPECT_EQ(read.at("a").shape, array.shape);
}

TEST(NdArray, RefusesSizesThatDoNotMatch) {
  const auto error_in = [](const std::string& shape, const std::string& data) {
    return error_of("", [&] { (void)parse_npy_array(npy(header("<f4", shape), data), "a.npy"); });
  };
  EXPECT_EQ(error_in("(2, 1, 1)", "abcd"),
            "a.npy: the header promises 2 x 1 x 1 numbers of 4 bytes, but 4 bytes follow");
  EXPECT_EQ(error_in("(1, 1, 1)", "abcde"),
            "a.npy: the header promises 1 x 1 x 1 numbers of 4 bytes, but 5 bytes follow");
  EXPECT_EQ(error_in("(0, 9223372036854775808)", "abcd"),
            "a.npy: the header promises 0 x 9223372036854775808 numbers of 4 bytes, but 4 bytes follow");
  EXPECT_EQ(error_in("(4294967296, 4294967296, 4)", ""),
            "a.npy: the header promises 4294967296 x 4294967296 x 4 numbers of 4 bytes, but 0 bytes follow");
  EXPECT_THROW((void)format_npy({"f4", {2}, "abcd"}), std::invalid_argument);
  EXPECT_THROW((void)array_of(std::vector<float>{1, 2}, {3}), std::invalid_argument);
  EXPECT_THROW((void)format_npz({}), std::invalid_argument);
}

}  // namespace
}  // namespace crosstalk::data
