#include "batch.h"

#include <algorithm>
#include <cmath>

#include "balance.h"

namespace squeezebert {

namespace {

// Cuts may move a block's ends by two rows each.
constexpr int moved_rows = 4;

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

int most_block_rows(int threads, int block_rows, int row_unit) {
  if (threads == 1) return block_rows + moved_rows;
  return static_cast<int>(Balance::most * block_rows) + row_unit + moved_rows;
}

std::vector<Block> divide(const Batch& batch, const std::vector<double>& shares, int block_rows, int row_unit) {
  const int threads = static_cast<int>(shares.size());
  const int rows = batch.rows(), rounds = (rows + threads * block_rows - 1) / (threads * block_rows);
  const std::int64_t count = static_cast<std::int64_t>(rounds) * threads;
  std::vector<Block> blocks;
  int text = 0, first = 0;
  double share = 0.0;  // of all blocks so far
  for (std::int64_t i = 0; i < count; ++i) {
    share += shares[i / rounds] / rounds;
    const int equal = static_cast<int>(rows * (i + 1) / count);
    const double more = (share - (i + 1.0) / count) * rows;
    const int cut = equal + row_unit * static_cast<int>(std::lround(more / row_unit));
    const int end = i + 1 == count ? rows : snapped(batch, cut);
    if (end > first) blocks.push_back(block_between(batch, first, end, text));
    first = std::max(first, end);
  }
  return blocks;
}

}  // namespace squeezebert
