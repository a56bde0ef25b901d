#include "crosstalk/data/mat.hpp"

#include <algorithm>
#include <array>
#include <memory>

#include <gtest/gtest.h>
#include <matio.h>

#include "crosstalk/data/unpacking.hpp"
#include "error_of.hpp"
#include "mat_bytes.hpp"
#include "temporary_folder.hpp"

namespace crosstalk::data {
namespace {

class Mat : public testing::Test {
 protected:
  TemporaryFolder folder;
  std::string error(const std::string& content) {
    folder.write("f.mat", content);
    return error_of(folder.path().string(), [&] { read_mat_tasks(folder / "f.mat"); });
  }
  std::vector<MatVariable> read(const std::string& variables) {
    return read_mat(folder.write("f.mat", mat::file(variables)));
  }
};

// matio is an independent writer of the format: every class of number, cells and sparse, plain and compressed.
class MatFromMatio : public Mat, public testing::WithParamInterface<matio_compression> {
 protected:
  void write(const std::vector<matvar_t*>& variables) {
    mat_t* file = Mat_CreateVer((folder / "f.mat").c_str(), nullptr, MAT_FT_MAT5);
    for (matvar_t* variable : variables) {
      ASSERT_EQ(Mat_VarWrite(file, variable, GetParam()), 0);
      Mat_VarFree(variable);
    }
    Mat_Close(file);
  }
  template <typename T>
  static matvar_t* matrix(const char* name, matio_classes kind, matio_types type) {
    std::array<T, 6> values{1, 2, 3, 4, 5, 100};
    std::array<std::size_t, 2> sizes{3, 2};
    return Mat_VarCreate(name, kind, type, 2, sizes.data(), values.data(), 0);
  }
};

TEST_P(MatFromMatio, EveryClassOfNumberReadsTheSame) {
  write({matrix<double>("a", MAT_C_DOUBLE, MAT_T_DOUBLE), matrix<float>("b", MAT_C_SINGLE, MAT_T_SINGLE),
         matrix<std::int8_t>("c", MAT_C_INT8, MAT_T_INT8), matrix<std::uint8_t>("d", MAT_C_UINT8, MAT_T_UINT8),
         matrix<std::int16_t>("e", MAT_C_INT16, MAT_T_INT16), matrix<std::uint16_t>("f", MAT_C_UINT16, MAT_T_UINT16),
         matrix<std::int32_t>("g", MAT_C_INT32, MAT_T_INT32), matrix<std::uint32_t>("h", MAT_C_UINT32, MAT_T_UINT32),
         matrix<std::int64_t>("i", MAT_C_INT64, MAT_T_INT64), matrix<std::uint64_t>("j", MAT_C_UINT64, MAT_T_UINT64)});
  const std::vector<MatVariable> variables = read_mat(folder / "f.mat");
  ASSERT_EQ(variables.size(), 10U);
  for (const MatVariable& variable : variables) {
    EXPECT_EQ(variable.kind, "matrix") << variable.name;
    EXPECT_EQ(variable.matrix, (Eigen::MatrixXd(3, 2) << 1, 4, 2, 5, 3, 100).finished()) << variable.name;
  }
}

TEST_P(MatFromMatio, CellsBecomeTasks) {
  std::array<std::size_t, 2> sizes{1, 2};
  std::array<matvar_t*, 3> features{matrix<double>(nullptr, MAT_C_DOUBLE, MAT_T_DOUBLE),
                                    matrix<std::uint8_t>(nullptr, MAT_C_UINT8, MAT_T_UINT8), nullptr};
  std::array<std::size_t, 2> column{3, 1};
  std::array<double, 3> y{1, 0, 1};
  std::array<matvar_t*, 3> labels{Mat_VarCreate(nullptr, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, column.data(), y.data(), 0),
                                  Mat_VarCreate(nullptr, MAT_C_DOUBLE, MAT_T_DOUBLE, 2, column.data(), y.data(), 0),
                                  nullptr};
  write({Mat_VarCreate("feature", MAT_C_CELL, MAT_T_CELL, 2, sizes.data(), features.data(), 0),
         Mat_VarCreate("label", MAT_C_CELL, MAT_T_CELL, 2, sizes.data(), labels.data(), 0)});
  const TaskSet tasks = read_mat_tasks(folder / "f.mat");
  ASSERT_EQ(tasks.names(), (std::vector<std::string>{"1", "2"}));
  EXPECT_EQ(tasks[1].features, (Eigen::MatrixXd(3, 2) << 1, 4, 2, 5, 3, 100).finished());
  EXPECT_EQ(tasks[0].labels, Eigen::Vector3d(1, 0, 1));
}

TEST_P(MatFromMatio, SparseMatricesAreFilled) {
  std::array<double, 3> values{1, 2, 3};
  std::array<mat_uint32_t, 3> rows{0, 1, 2};
  std::array<mat_uint32_t, 3> begin{0, 1, 3};
  mat_sparse_t content{};
  content.nzmax = content.ndata = content.nir = 3;
  content.njc = 3;
  content.ir = rows.data();
  content.jc = begin.data();
  content.data = values.data();
  std::array<std::size_t, 2> sizes{3, 2};
  write({Mat_VarCreate("fea", MAT_C_SPARSE, MAT_T_DOUBLE, 2, sizes.data(), &content, 0)});
  EXPECT_EQ(mat_matrix(read_mat(folder / "f.mat"), "fea", "f.mat"),
            (Eigen::MatrixXd(3, 2) << 1, 0, 0, 2, 0, 3).finished());
}

INSTANTIATE_TEST_SUITE_P(PlainAndCompressed, MatFromMatio, testing::Values(MAT_COMPRESSION_NONE, MAT_COMPRESSION_ZLIB),
                         [](const auto& suite) {
                           return suite.param == MAT_COMPRESSION_NONE ? "plain" : "compressed";
                         });

TEST_F(Mat, BothPairsOfNamesAreKnown) {
  for (const auto& [X, Y] : {std::pair{"feature", "label"}, {"X", "Y"}}) {
    folder.write("f.mat", mat::file(mat::two_tasks(X, Y)));
    const TaskSet tasks = read_mat_tasks(folder / "f.mat");
    ASSERT_EQ(tasks.size(), 2U);
    EXPECT_EQ(tasks[0].features, (Eigen::Matrix2d() << 1, 3, 2, 4).finished());
    EXPECT_EQ(tasks[1].labels(0), 1);
  }
}

TEST_F(Mat, NumbersMayComeInSmallElementsAndSmallTypes) {
  // 3 bytes of uint8 within the tag itself, for a matrix of class double.
  const std::string small = mat::bytes<std::uint32_t>({(3U << 16) | 2U}) + std::string("\7\x08\xff\0", 4);
  EXPECT_EQ(read(mat::array(6, {3, 1}, "v", small))[0].matrix, Eigen::Vector3d(7, 8, 255));
}

TEST_F(Mat, OtherKindsAreListedButNotRead) {
  const auto variables = read(
      mat::array(2, {1, 1}, "s", "") + mat::array(4, {1, 2}, "t", "") + mat::array(0x806, {1, 1}, "c", "") +
      mat::array(6, {1, 1, 1}, "cube", mat::element(9, mat::bytes<double>({1}))) + mat::array(16, {1, 1}, "f", "") +
      mat::element(14, mat::element(6, mat::bytes<std::uint32_t>({17, 0})) + mat::element(1, "table")));
  std::vector<std::string> kinds;
  for (const MatVariable& variable : variables) kinds.push_back(variable.kind);
  EXPECT_EQ(kinds, (std::vector<std::string>{"struct", "text", "complex matrix", "3-dimensional array", "function",
                                             "object"}));
}

TEST_F(Mat, AnEmptyCellIsAnEmptyMatrix) {
  const auto variables = read(mat::cells("c", {mat::element(14, "")}));
  ASSERT_EQ(variables[0].cells.size(), 1U);
  EXPECT_EQ(variables[0].cells[0].matrix.size(), 0);
}

TEST_F(Mat, NamesFilesOfOtherFormats) {
  EXPECT_EQ(error(""), "f.mat: is not a MATLAB 5 .mat file");
  EXPECT_EQ(error(std::string(200, 'x')), "f.mat: is not a MATLAB 5 .mat file");
  EXPECT_EQ(error("MATLAB 7.3 MAT-file, Platform: GLNXA64"),
            "f.mat: is a MATLAB 7.3 (HDF5) file; save it with -v7 instead");
  EXPECT_EQ(error("\x89HDF\r\n"), "f.mat: is a MATLAB 7.3 (HDF5) file; save it with -v7 instead");
  std::string future = mat::file("");
  future[125] = 2;
  EXPECT_EQ(error(future), "f.mat: has MATLAB file version 0x0200; 0x0100 (save -v6 or -v7) can be read");
}

TEST_F(Mat, NamesWhatTheFileHoldsInstead) {
  EXPECT_EQ(error(mat::file("")), "f.mat: holds nothing; expected the cell arrays feature and label, or X and Y");
  EXPECT_EQ(error(mat::file(mat::doubles(1, 1, {1}, "feature") + mat::cells("label", {}))),
            "f.mat: holds \"feature\" (matrix), \"label\" (cell array); expected the cell arrays feature and label, or "
            "X and Y");
  EXPECT_EQ(error_of(folder.path().string(), [&] { mat_matrix(read(mat::cells("c", {})), "fea", folder / "f.mat"); }),
            "f.mat: no matrix \"fea\"; it holds \"c\" (cell array)");
}

TEST_F(Mat, NamesTasksThatDoNotFit) {
  const std::string one = mat::doubles(1, 1, {1});
  EXPECT_EQ(error(mat::file(mat::cells("X", {one, one}) + mat::cells("Y", {one}))), "f.mat: X has 2 cells but Y has 1");
  EXPECT_EQ(error(mat::file(mat::cells("X", {one}) + mat::cells("Y", {mat::array(4, {1, 1}, "", "")}))),
            "f.mat: cell 1 of Y is a text, not a matrix");
  EXPECT_EQ(error(mat::file(mat::cells("X", {mat::doubles(2, 1, {1, 2})}) + mat::cells("Y", {one}))),
            "f.mat: cell 1 of X is 2 x 1 but that of Y is 1 x 1; one label a row is needed");
  EXPECT_EQ(error(mat::file(mat::cells("X", {mat::doubles(0, 1, {})}) + mat::cells("Y", {mat::doubles(0, 1, {})}))),
            "f.mat: task 1 (\"1\") has no rows");
  EXPECT_EQ(error(mat::file(mat::cells("X", {}) + mat::cells("Y", {}))), "f.mat: there are no tasks");
}

TEST_F(Mat, NamesFilesThatAreCutShort) {
  const std::string whole = mat::file(mat::two_tasks());
  EXPECT_EQ(error(whole.substr(0, 131)), "f.mat: the file is cut short");
  EXPECT_EQ(error(whole.substr(0, whole.size() - 8)), "f.mat: the file is cut short, or a data element is damaged");
  const std::string packed = mat::file(mat::two_tasks("X", "Y", true));
  EXPECT_EQ(error(packed.substr(0, packed.size() - 8)), "f.mat: the file is cut short, or a data element is damaged");
}

TEST_F(Mat, NamesDamagedContent) {
  std::string packed = mat::file(mat::two_tasks("X", "Y", true));
  packed[packed.size() - 1] = static_cast<char>(packed.back() ^ 1);  // in the checksum
  EXPECT_EQ(error(packed), "f.mat: compressed data is damaged or cut short");
  EXPECT_EQ(error(mat::file(mat::doubles(3, 3, {1}, "m"))), "f.mat: variable \"m\" is 3 x 3 but holds 1 numbers");
  EXPECT_EQ(error(mat::file(mat::doubles(-1, 1, {1}, "m"))), "f.mat: variable \"m\" has size -1");
  EXPECT_EQ(error(mat::file(mat::array(6, {1, 1}, "m", mat::element(16, "12345678")))),
            "f.mat: a data element has type 16, which is no type of number");
  EXPECT_EQ(error(mat::file(mat::array(1, {1, 5}, "c", ""))), "f.mat: variable \"c\" promises 5 cells but holds 0");
  EXPECT_EQ(error(mat::file(mat::array(1, {1, 1}, "c", mat::element(9, "12345678")))),
            "f.mat: variable \"c\" holds a cell that is not an array");
  EXPECT_EQ(error(mat::file(mat::element(14, mat::element(6, "")))), "f.mat: a variable has no flags");
  EXPECT_EQ(error(mat::file(mat::bytes<std::uint32_t>({(5U << 16) | 2U, 0}))), "f.mat: a data element is damaged");
  std::string nest = mat::cells("", {});
  for (int i = 0; i < 20; ++i) nest = mat::cells("", {nest});
  EXPECT_EQ(error(mat::file(nest)), "f.mat: cell arrays are nested more than 8 deep");
}

// A few bytes that promise gigabytes cost a few bytes.
TEST_F(Mat, NamesSparseMatricesThatLie) {
  const auto sparse = [](std::int32_t rows, std::vector<std::int32_t> row, std::vector<std::int32_t> begin) {
    return mat::file(mat::array(5, {rows, 1}, "s",
                                mat::element(5, mat::bytes(row)) + mat::element(5, mat::bytes(begin)) +
                                    mat::element(9, mat::bytes<double>({1}))));
  };
  EXPECT_EQ(error(sparse(2000000000, {0}, {0, 1})),
            "f.mat: sparse variable \"s\" is 2000000000 x 1; filled with zeros it would not fit the 134217728 numbers "
            "allowed in a file");
  for (const std::string& damaged : {sparse(2, {0}, {0}), sparse(2, {0}, {0, 2}), sparse(2, {0}, {1, 0}),
                                     sparse(2, {2}, {0, 1}), sparse(2, {-1}, {0, 1})})
    EXPECT_EQ(error(damaged), "f.mat: sparse variable \"s\" is damaged");
}

// As bytes in the file, as doubles in memory.
TEST_F(Mat, NumbersTakeNoMoreThanIsAllowed) {
  const std::string file = mat::file(mat::array(6, {1000, 1}, "x", mat::element(2, std::string(1000, '\1'))));
  EXPECT_EQ(read_mat(folder.write("f.mat", file))[0].matrix.sum(), 1000.0);
  set_most_unpacked_bytes(7'000);
  const std::string message = error(file);
  set_most_unpacked_bytes(0);
  EXPECT_TRUE(message.starts_with("f.mat: unpacks to more than")) << message;
}

TEST_F(Mat, BigEndianFilesReadTheSame) {
  const auto swapped = [](std::string text, std::size_t word) {
    for (std::size_t at = 0; at + word <= text.size(); at += word)
      std::reverse(text.begin() + static_cast<std::ptrdiff_t>(at),
                   text.begin() + static_cast<std::ptrdiff_t>(at + word));
    return text;
  };
  // The name is 8 bytes so that all but it and the doubles is made of 4-byte words.
  const std::string name = "variable";
  std::string little = mat::doubles(1, 2, {1.5, -2.5}, name);
  const std::size_t text = little.find(name);
  const std::string big = swapped(little.substr(0, text), 4) + name + swapped(little.substr(text + 8, 8), 4) +
                          swapped(little.substr(text + 16), 8);
  std::string header = mat::file("").substr(0, 124) + std::string("\1\0MI", 4);
  const auto variables = read_mat(folder.write("f.mat", header + big));
  EXPECT_EQ(variables[0].matrix, Eigen::RowVector2d(1.5, -2.5));
}

}  // namespace
}  // namespace crosstalk::data
