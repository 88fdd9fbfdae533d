// Memory for vectors: aligned to cache lines, large blocks on huge pages where the system offers them.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace squeezebert {

template <typename T>
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::size_t size) { resize(size); }
  Buffer(Buffer&& other) noexcept { swap(other); }
  Buffer& operator=(Buffer&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Buffer() { std::free(data_); }

  // Makes room for at least `size` elements, all zero where memory is new; what was there is lost.
  void resize(std::size_t size) {
    if (size <= size_) return;
    constexpr std::size_t line = 64, huge = std::size_t{1} << 21;
    if (size > (static_cast<std::size_t>(-1) - huge) / sizeof(T)) throw std::bad_alloc();
    const std::size_t alignment = size * sizeof(T) >= 4 * huge ? huge : line;
    const std::size_t bytes = (size * sizeof(T) + alignment - 1) / alignment * alignment;
    void* fresh = std::aligned_alloc(alignment, bytes);
    if (!fresh) throw std::bad_alloc();
#if defined(__linux__)
    if (alignment == huge) madvise(fresh, bytes, MADV_HUGEPAGE);
#endif
    __builtin_memset(fresh, 0, bytes);
    std::free(data_);
    data_ = static_cast<T*>(fresh);
    size_ = size;
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return size_; }
  T& operator[](std::size_t i) { return data_[i]; }
  const T& operator[](std::size_t i) const { return data_[i]; }

 private:
  void swap(Buffer& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
  }

  T* data_ = nullptr;
  std::size_t size_ = 0;
};

inline std::size_t round_up(std::size_t count, std::size_t unit) { return (count + unit - 1) / unit * unit; }

}  // namespace squeezebert
