//===- NpyText.h - NPY files for tests --------------------------*- C++ -*-===//

#ifndef FLEET_TEST_RUNTIME_DATA_NPYTEXT_H
#define FLEET_TEST_RUNTIME_DATA_NPYTEXT_H

#include <string>
#include <vector>

namespace fleet::test {

/// The bytes of an NPY file with the given dictionary, padded as numpy does.
inline std::string npyText(std::string dictionary, const std::string &data,
                           int major = 1) {
  size_t start = major == 1 ? 10 : 12;
  while ((start + dictionary.size() + 1) % 64 != 0)
    dictionary += ' ';
  dictionary += '\n';
  std::string text = "\x93NUMPY";
  text += static_cast<char>(major);
  text += '\0';
  for (size_t i = 0; i < start - 8; ++i)
    text += static_cast<char>(dictionary.size() >> (8 * i));
  return text + dictionary + data;
}

inline std::string npyText(const std::string &dtype, const std::string &shape,
                           const std::string &data) {
  return npyText("{'descr': '" + dtype +
                     "', 'fortran_order': False, 'shape': " + shape + ", }",
                 data);
}

template <typename T> std::string bytesOf(const std::vector<T> &values) {
  return {reinterpret_cast<const char *>(values.data()),
          values.size() * sizeof(T)};
}

} // namespace fleet::test

#endif // FLEET_TEST_RUNTIME_DATA_NPYTEXT_H
