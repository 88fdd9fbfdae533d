// Rows of codes with one scale each, as `quantize` writes them, and how to read them.
#pragma once

#include <algorithm>
#include <cstring>

#include "testing.h"

namespace squeezebert::selftest {

struct Coded {
  int columns;
  std::size_t stride;
  std::vector<std::uint8_t> bytes;
  std::vector<float> scales;

  // Unset room for rows at `stride` codes, at least `columns` padded to four vectors.
  Coded(const Kernels& kernels, int rows, int column_count, std::size_t row_stride)
      : columns(column_count),
        stride(row_stride),
        bytes(extent(rows, row_stride, round_up_to(column_count, 4 * kernels.lanes)) * kernels.code_bytes, 0xa5),
        scales(unset_floats(rows)) {}
};

inline std::size_t random_code_stride(Random& random, const Kernels& kernels, int columns) {
  return round_up_to(columns, 4 * kernels.lanes) + random.pick<int>({0, 0, 64});
}

// Codes are 16 bits wide, or 8 with an offset that a row of zeros shows.
inline int code_at(const Kernels& kernels, const Coded& coded, std::size_t index) {
  if (kernels.code_bytes == 2) {
    std::int16_t code;
    std::memcpy(&code, coded.bytes.data() + 2 * index, sizeof code);
    return code;
  }
  Coded nothing(kernels, 1, 1, 4 * kernels.lanes);
  const float zero = 0.0f;
  kernels.quantize(&zero, 1, 1, 1, nothing.bytes.data(), nothing.stride, nothing.scales.data());
  return static_cast<std::int8_t>(static_cast<std::uint8_t>(coded.bytes[index] - nothing.bytes[0]));
}

// Row `row` holds `values` [columns], each within half a step and `tolerance`; what pads it is zero.
inline void require_codes(const Kernels& kernels, const Coded& coded, int row, const std::vector<double>& values,
                          double tolerance, const std::string& what) {
  double most = 0.0;
  for (const double value : values) most = std::max(most, std::fabs(value));
  const double scale = most < 1e-35 ? 0.0 : most / 127.0;
  require_close(coded.scales[row], scale, 1e-6 * scale + tolerance / 127.0, what + ", scale");
  for (int c = 0; c < round_up_to(coded.columns, 4 * kernels.lanes); ++c) {
    const int code = code_at(kernels, coded, row * coded.stride + c);
    require(code >= -127 && code <= 127, what + ", code beyond 127");
    if (c < coded.columns) {
      require_close(code * static_cast<double>(coded.scales[row]), values[c], 0.5001 * scale + tolerance + 1e-35, what);
    } else {
      require(code == 0, what + ", padding");
    }
  }
}

}  // namespace squeezebert::selftest
