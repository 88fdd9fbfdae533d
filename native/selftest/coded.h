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
  std::vector<RowScale> scales;

  // Unset room for rows at `stride` codes, at least `columns` padded to four vectors.
  Coded(const Kernels& kernels, int rows, int column_count, std::size_t row_stride)
      : columns(column_count),
        stride(row_stride),
        bytes(extent(rows, row_stride, round_up_to(column_count, 4 * kernels.lanes)) * kernels.code_bytes, 0xa5),
        scales(rows, {unset_floats(1)[0], unset_floats(1)[0]}) {}

  int rows() const { return static_cast<int>(scales.size()); }
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

// Row `row` holds `values` [columns], each within half a step and `tolerance`; what pads it is a code, too.
inline void require_codes(const Kernels& kernels, const Coded& coded, int row, const std::vector<double>& values,
                          double tolerance, const std::string& what) {
  double least = 0.0, greatest = 0.0;
  for (const double value : values) {
    least = std::min(least, value);
    greatest = std::max(greatest, value);
  }
  const double half = (greatest - least) / 2.0, scale = half < 1e-35 ? 0.0 : half / kernels.largest_code;
  const RowScale found = coded.scales[row];
  require_close(found.scale, scale, 1e-6 * scale + tolerance / kernels.largest_code, what + ", scale");
  // Subnormal numbers are 1.4e-45 apart.
  require_close(found.centre, (least + greatest) / 2.0, 1e-6 * half + tolerance + 1e-44, what + ", centre");
  for (int c = 0; c < round_up_to(coded.columns, 4 * kernels.lanes); ++c) {
    const int code = code_at(kernels, coded, row * coded.stride + c);
    require(std::abs(code) <= kernels.largest_code, what + ", code beyond the largest");
    if (c >= coded.columns) continue;
    const double value = found.centre + code * static_cast<double>(found.scale);
    require_close(value, values[c], 0.5001 * scale + tolerance + 1e-35, what);
  }
}

}  // namespace squeezebert::selftest
