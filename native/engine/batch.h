// A ragged batch, and its division into blocks of rows that one thread works on at a time.
#pragma once

#include <cstdint>
#include <vector>

namespace squeezebert {

// Texts one after the other; text b has the rows starts[b] to starts[b + 1].
struct Batch {
  const std::int32_t* input_ids;
  const std::int32_t* token_type_ids;
  const std::int32_t* position_ids;
  const std::int32_t* starts;  // [texts + 1]
  int texts;

  int rows() const { return starts[texts]; }
  int length(int text) const { return starts[text + 1] - starts[text]; }
};

// Consecutive rows of one text.
struct Segment {
  int text;
  int position;  // of its first row in the text
  int row;       // of its first row in the batch
  int rows;
};

struct Block {
  int row, rows;
  std::vector<Segment> segments;
};

// Rows of the largest block that `divide` makes.
int most_block_rows(int threads, int block_rows, int row_unit);

// Cuts a batch into blocks, as many for each thread. A thread's stand one after the other: so most texts stay with one
// thread, whose cache has their keys and values. Where the `shares` of the threads are equal, blocks have equal sizes
// of at most `block_rows`; where they are not, sizes differ from these by multiples of `row_unit`. Each cut is then
// moved by up to two rows: a text is cut only at positions that are multiples of four, so that each step of keys and
// values belongs to one block.
std::vector<Block> divide(const Batch& batch, const std::vector<double>& shares, int block_rows, int row_unit);

}  // namespace squeezebert
