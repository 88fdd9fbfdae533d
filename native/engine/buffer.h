// Memory for vectors: aligned to cache lines, on huge pages where it is large and the system offers them.
// (Weights stream past; with small pages, every fourth kilobyte costs a look-up of its address.)
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <new>
#include <vector>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace squeezebert {

constexpr std::size_t cache_line = 64, huge_page = std::size_t{1} << 21;

inline std::size_t round_up(std::size_t count, std::size_t unit) { return (count + unit - 1) / unit * unit; }

struct Free {
  void operator()(void* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<char, Free>;

// Not initialised. Throws std::bad_alloc.
inline Memory allocate_memory(std::size_t bytes) {
  const std::size_t alignment = bytes >= huge_page ? huge_page : cache_line;
  if (bytes > static_cast<std::size_t>(-1) / 2) throw std::bad_alloc();
  Memory memory(static_cast<char*>(std::aligned_alloc(alignment, round_up(std::max<std::size_t>(bytes, 1), alignment))));
  if (!memory) throw std::bad_alloc();
#if defined(__linux__)
  if (bytes >= huge_page) madvise(memory.get(), round_up(bytes, huge_page), MADV_HUGEPAGE);
#endif
  return memory;
}

// An array that grows. New memory is zero.
template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) { resize(size); }

  // Without the zeros, for who writes all of it.
  static Buffer unset(std::size_t size) {
    Buffer buffer;
    buffer.allocate(size);
    return buffer;
  }

  // Makes room for at least `size` elements; what was there is lost where there was less.
  void resize(std::size_t size) {
    if (size <= size_) return;
    allocate(size);
    __builtin_memset(memory_.get(), 0, size * sizeof(T));
  }

  T* data() { return reinterpret_cast<T*>(memory_.get()); }
  const T* data() const { return reinterpret_cast<const T*>(memory_.get()); }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data()[i]; }
  const T& operator[](std::size_t i) const { return data()[i]; }

 private:
  void allocate(std::size_t size) {
    if (size > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    memory_.reset();
    size_ = 0;
    memory_ = allocate_memory(size * sizeof(T));
    size_ = size;
  }

  Memory memory_;
  std::size_t size_ = 0;
};

// Arrays that live as long as the arena, one after the other.
class Arena {
 public:
  // Zeros, aligned to a cache line.
  template <typename T>
  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 4 / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = round_up(count * sizeof(T), cache_line);
    if (bytes > left_) {
      left_ = round_up(bytes, chunk);
      chunks_.push_back(allocate_memory(left_));
      next_ = chunks_.back().get();
    }
    char* memory = next_;
    next_ += bytes;
    left_ -= bytes;
    __builtin_memset(memory, 0, bytes);
    return reinterpret_cast<T*>(memory);
  }

 private:
  static constexpr std::size_t chunk = 2 * huge_page;

  std::vector<Memory> chunks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
};

}  // namespace squeezebert
