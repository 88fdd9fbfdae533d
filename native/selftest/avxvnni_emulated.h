// isa/avxvnni.h for processors with AVX2 alone.
#pragma once

#include "emulated.h"

#include "../isa/avxvnni.h"
