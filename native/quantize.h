// Symmetric int8 storage of matrices, one scale per row.
#pragma once

#include <cstddef>
#include <cstdint>

namespace squeezebert {

// values [rows, columns] -> codes [rows, columns] in [-127, 127] and scales [rows], so that
// values ≈ codes * scale. A row of zeros has scale 0. Bound by memory: it reads each value twice.
void quantize_rows(const float* values, std::size_t rows, std::size_t columns, std::int8_t* codes, float* scales);

// codes [rows, columns] and scales [rows] -> values [rows, columns].
void dequantize_rows(const std::int8_t* codes, const float* scales, std::size_t rows, std::size_t columns,
                     float* values);

}  // namespace squeezebert
