#include "batch.h"

#include <algorithm>

namespace squeezebert {

namespace {

// The allowed cut nearest to `row`.
int snapped(const Batch& batch, int row) {
  const std::int32_t* after = std::upper_bound(batch.starts, batch.starts + batch.texts + 1, row);
  if (after == batch.starts + batch.texts + 1) return batch.rows();
  const int start = after[-1];
  return std::min<int>(start + (row - start + 2) / 4 * 4, *after);
}

Block block_between(const Batch& batch, int first, int end, int& text) {
  Block block{first, end - first, {}};
  for (int row = first; row < end;) {
    const int text_end = batch.starts[text + 1];
    const int rows = std::min(end, text_end) - row;
    if (rows > 0) block.segments.push_back({text, row - batch.starts[text], row, rows});
    row += rows;
    if (row == text_end) ++text;
  }
  return block;
}

}  // namespace

std::vector<Block> divide(const Batch& batch, int threads, int block_rows) {
  const int rows = batch.rows(), rounds = (rows + threads * block_rows - 1) / (threads * block_rows);
  const std::int64_t count = static_cast<std::int64_t>(rounds) * threads;
  std::vector<Block> blocks;
  int text = 0, first = 0;
  for (std::int64_t i = 1; i <= count; ++i) {
    const int end = i == count ? rows : snapped(batch, static_cast<int>(rows * i / count));
    if (end > first) blocks.push_back(block_between(batch, first, end, text));
    first = std::max(first, end);
  }
  return blocks;
}

}  // namespace squeezebert
