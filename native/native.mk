# Tests of the engine without Python. They need a C++ compiler, those for other processors a cross compiler and
# something that runs its programs; what is missing is named, not installed.
CMAKE ?= $(BIN)/cmake
# Cases for each instruction set. Emulators are about fifty times slower.
CASES := 1300
EMULATED_CASES := 260
LONG_CASES := 3400

.PHONY: test-native test-sanitizers test-neon test-wasm

# $(call needs,program,package) stops where the program is missing.
needs = @command -v $(1) > /dev/null || { echo "$(1) is missing; on Debian: apt-get install $(2)" >&2; exit 1; }
# $(call build,folder,options): configure and build what native/CMakeLists.txt describes.
build = $(CMAKE) -S native -B build/$(1) $(2) > /dev/null && $(CMAKE) --build build/$(1) --parallel > /dev/null

test-native: $(INSTALLED)  ## The engine's self-test on this processor, without Python
	$(call build,native)
	build/native/selftest --cases $(CASES)

test-sanitizers: $(INSTALLED)  ## The self-test at length under address, undefined-behaviour and thread sanitizers
	$(call build,sanitizers,-DSQUEEZEBERT_SANITIZE=address,undefined)
	build/sanitizers/selftest --cases $(LONG_CASES)
	$(call build,thread-sanitizer,-DSQUEEZEBERT_SANITIZE=thread)
	build/thread-sanitizer/selftest --cases $(CASES)

test-neon: $(INSTALLED)  ## The self-test for 64-bit Arm, cross-compiled and emulated
	$(call needs,aarch64-linux-gnu-g++,g++-aarch64-linux-gnu)
	$(call needs,qemu-aarch64,qemu-user)
	$(call build,neon,-DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR=aarch64 \
		-DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ -DCMAKE_EXE_LINKER_FLAGS=-static)
	qemu-aarch64 build/neon/selftest --cases $(EMULATED_CASES)

test-wasm: $(INSTALLED)  ## The self-test in WebAssembly, in node
	$(call needs,emcmake,emscripten)
	$(call needs,node,nodejs)
	emcmake $(call build,wasm)
	node build/wasm/selftest.js --cases $(EMULATED_CASES)
