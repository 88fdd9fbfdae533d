// What the processor can do at most: the dot products of the tile, without anything around them.
#pragma once

namespace squeezebert::SQUEEZEBERT_ISA {

// Runs the tile's dot products `rounds` times on registers; returns the multiplications and additions.
inline double run_dot_products(int rounds) {
  alignas(64) const Code codes[depth] = {1};
  alignas(64) const std::int8_t weights[lanes * depth] = {1};
  Ints row = broadcast_codes(codes);
  const Ints column = load_weights(weights);
  Ints sums[tile_rows * tile_vectors];
#pragma GCC unroll 32
  for (Ints& sum : sums) sum = load(no_starts);
  for (int round = 0; round < rounds; ++round) {
    keep_in_register(row);
#pragma GCC unroll 32
    for (Ints& sum : sums) {
      sum = dot(sum, row, column);
      keep_in_register(sum);
    }
  }
  return 2.0 * rounds * tile_rows * tile_columns * depth;
}

}  // namespace squeezebert::SQUEEZEBERT_ISA
