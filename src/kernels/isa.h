/*
 * kernels/isa.h - code for one instruction set inside a file that is compiled
 * for any: everything between SL_ISA_BEGIN and SL_ISA_END may use it.
 * SL_UNROLL before a loop of a constant count, at most sixteen: its arrays become registers.
 */
#ifndef SL_KERNELS_ISA_H
#define SL_KERNELS_ISA_H

#define SL_ISA_PRAGMA(x) _Pragma(#x)

/* A sanitizer puts a check at every load and store: unrolled and inlined those take a compiler minutes. The same
   code as loops and calls does the same. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SL_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SL_SANITIZED
#endif
#endif

#if defined(__clang__)
#define SL_ISA_BEGIN(features) SL_ISA_PRAGMA(clang attribute push(__attribute__((target(features))), apply_to = function))
#define SL_ISA_END SL_ISA_PRAGMA(clang attribute pop)
#define SL_UNROLL_PRAGMA /* clang unrolls what it should by itself */
#else
#define SL_ISA_BEGIN(features) SL_ISA_PRAGMA(GCC push_options) SL_ISA_PRAGMA(GCC target(features))
#define SL_ISA_END SL_ISA_PRAGMA(GCC pop_options)
#define SL_UNROLL_PRAGMA SL_ISA_PRAGMA(GCC unroll 16)
#endif

#if defined(SL_SANITIZED)
#define SL_UNROLL
#define SL_INLINE static __attribute__((unused, noinline))
#else
#define SL_UNROLL SL_UNROLL_PRAGMA
#define SL_INLINE static inline __attribute__((always_inline))
#endif

#endif
