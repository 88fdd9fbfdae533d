#include "quantize.h"

#include <algorithm>
#include <cmath>

namespace squeezebert {

void quantize_rows(const float* values, std::size_t rows, std::size_t columns, std::int8_t* codes, float* scales) {
  for (std::size_t row = 0; row < rows; ++row) {
    const float* source = values + row * columns;
    std::int8_t* target = codes + row * columns;
    float largest = 0.0f;
    for (std::size_t i = 0; i < columns; ++i) largest = std::max(largest, std::fabs(source[i]));
    const float scale = largest / 127.0f;
    // A subnormal scale has no finite inverse; such a row is zero for every purpose.
    const float inverse = 1.0f / scale;
    const bool vanishes = !std::isfinite(inverse);
    scales[row] = vanishes ? 0.0f : scale;
    for (std::size_t i = 0; i < columns; ++i) {
      const float code = vanishes ? 0.0f : std::nearbyint(source[i] * inverse);
      target[i] = static_cast<std::int8_t>(std::min(127.0f, std::max(-127.0f, code)));
    }
  }
}

void dequantize_rows(const std::int8_t* codes, const float* scales, std::size_t rows, std::size_t columns,
                     float* values) {
  for (std::size_t row = 0; row < rows; ++row) {
    const float scale = scales[row];
    for (std::size_t i = 0; i < columns; ++i) values[row * columns + i] = scale * codes[row * columns + i];
  }
}

}  // namespace squeezebert
