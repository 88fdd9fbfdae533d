// isa/avx512vnni.h for processors with AVX2 alone.
#pragma once

#include "emulated.h"

#include "../isa/avx512vnni.h"
