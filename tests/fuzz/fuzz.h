/* fuzz.h - what a fuzz target defines: libFuzzer's entry points. A target aborts (assert, sanitizer) when it finds something. */
#ifndef PGD1_FUZZ_H
#define PGD1_FUZZ_H

#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
