/* AVX-512F and BW: 16 lanes, 32 registers; and the same with the dot products of VNNI and BF16. */
#if defined(__x86_64__)
#include <immintrin.h>
#include <stdbool.h>

#include "kernels/isa.h"

SL_ISA_BEGIN("avx512f,avx512bw")

typedef __m512 vf;
typedef unsigned vu __attribute__((vector_size(64)));
typedef unsigned vu_any __attribute__((vector_size(64), may_alias));
typedef int vi __attribute__((vector_size(64)));
typedef short vh __attribute__((vector_size(64)));

typedef __m512d vd;
typedef long long vl __attribute__((vector_size(64)));

enum { VL = 16, DL = 8, GP_SUM_ROWS = 4 };

SL_INLINE vf vset(float x) { return _mm512_set1_ps(x); }
SL_INLINE vf vfma(vf a, vf b, vf c) { return _mm512_fmadd_ps(a, b, c); }
SL_INLINE vf vmax(vf a, vf b) { return _mm512_max_ps(a, b); }
SL_INLINE vf vmin(vf a, vf b) { return _mm512_min_ps(a, b); }
SL_INLINE vf vsqrt(vf a) { return _mm512_sqrt_ps(a); }
SL_INLINE vu vwhole(vf a) { return (vu)_mm512_cvtps_epi32(a); }
SL_INLINE vu vcut(vf a) { return (vu)_mm512_cvttps_epi32(a); }
SL_INLINE vf vfloat(vu a) { return _mm512_cvtepi32_ps((__m512i)a); }
SL_INLINE vu vmadd(vu a, vu b) { return (vu)_mm512_madd_epi16((__m512i)a, (__m512i)b); }
SL_INLINE float vleast(vf a) { return _mm512_reduce_min_ps(a); }
SL_INLINE float vmost(vf a) { return _mm512_reduce_max_ps(a); }
SL_INLINE float vsum(vf a) { return _mm512_reduce_add_ps(a); }
SL_INLINE bool vany_not_below(vf a, vf b) { return _mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ) != 0; }
SL_INLINE vf vkeep_not_below(vf x, vf a, vf b)
{
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(a, b, _CMP_NLT_UQ), x);
}

SL_INLINE vd dset(double x) { return _mm512_set1_pd(x); }
SL_INLINE vd dfma(vd a, vd b, vd c) { return _mm512_fmadd_pd(a, b, c); }
SL_INLINE vd dfnma(vd a, vd b, vd c) { return _mm512_fnmadd_pd(a, b, c); }
SL_INLINE vd dmin(vd a, vd b) { return _mm512_min_pd(a, b); }
SL_INLINE vd dsqrt(vd a) { return _mm512_sqrt_pd(a); }
SL_INLINE vl pick(const long long table[16], vl i)
{
    return (vl)_mm512_permutex2var_epi64(_mm512_loadu_si512(table), (__m512i)i, _mm512_loadu_si512(table + 8));
}
#define GP_PICK pick

SL_INLINE void vcross(vf *x)
{
    vf y[VL];
    SL_UNROLL for (int i = 0; i < VL; i += 2) {
        y[i] = _mm512_unpacklo_ps(x[i], x[i + 1]);
        y[i + 1] = _mm512_unpackhi_ps(x[i], x[i + 1]);
    }
    SL_UNROLL for (int i = 0; i < VL; i += 4) {
        SL_UNROLL for (int j = 0; j < 2; j++) {
            const vd a = (vd)y[i + j], b = (vd)y[i + j + 2];
            x[i + 2 * j] = (vf)_mm512_unpacklo_pd(a, b);
            x[i + 2 * j + 1] = (vf)_mm512_unpackhi_pd(a, b);
        }
    }
    SL_UNROLL for (int j = 0; j < 4; j++) { /* quarters: even and odd ones, then apart */
        const vf a = _mm512_shuffle_f32x4(x[j], x[j + 4], 0x88), b = _mm512_shuffle_f32x4(x[j], x[j + 4], 0xdd);
        const vf c = _mm512_shuffle_f32x4(x[j + 8], x[j + 12], 0x88), d = _mm512_shuffle_f32x4(x[j + 8], x[j + 12], 0xdd);
        x[j] = _mm512_shuffle_f32x4(a, c, 0x88);
        x[j + 4] = _mm512_shuffle_f32x4(b, d, 0x88);
        x[j + 8] = _mm512_shuffle_f32x4(a, c, 0xdd);
        x[j + 12] = _mm512_shuffle_f32x4(b, d, 0xdd);
    }
}

#define BACK_SUMS 16
#define GEMM_VECTORS 4
#define GEMM_ROWS_2 8
#define TABLE sl_kernels_avx512
#define NAME "avx512"
#include "kernels/gp_vec_tmpl.h"
#include "kernels/gp_lanes_tmpl.h"
#include "kernels/gp_whole_tmpl.h"
#include "kernels/gp_mean_tmpl.h"
#include "kernels/gp_variance_tmpl.h"
#include "kernels/kernels_tmpl.h"

SL_ISA_END
SL_ISA_BEGIN("avx512f,avx512bw,avx512vnni,avx512bf16")

/* By hand, because gcc 12 copies the sum twice around either intrinsic: half the speed. */
SL_INLINE vf own_dot2(vf x, vf w, vf c)
{
    __asm__("vdpbf16ps %2, %1, %0" : "+v"(c) : "v"(x), "v"(w));
    return c;
}

SL_INLINE vf own_dot4(vf x, vf w, vf c)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(c) : "v"(x), "v"(w));
    return c;
}

#define GEMM(name) own_##name
#include "kernels/gemm_tmpl.h"

static void dot_gemm(const sl_gemm *g)
{
    switch (g->kind) {
    case SL_WEIGHTS_FLOAT32: gemm(g); break;
    case SL_WEIGHTS_BFLOAT16: own_all(g, SL_WEIGHTS_BFLOAT16); break;
    case SL_WEIGHTS_INT8: own_all(g, SL_WEIGHTS_INT8); break;
    }
}

const sl_kernels sl_kernels_avx512dot = TABLE_OF("avx512dot", dot_gemm);

SL_ISA_END
#else
typedef int sl_not_x86; /* C wants something in a file */
#endif
