/* kernels/gp_mean_tmpl.h - the predicted mean, times in the lanes. */
enum { MEAN_VECTORS = SL_GP_PAD / DL < 2 ? 2 : SL_GP_PAD / DL };

/* V vectors of times against all points. */
SL_INLINE void mean_block(const sl_gp_mean *m, size_t j, const size_t V)
{
    const vd a = dset(m->time_scale), furthest = dset(SL_GP_MAX_DISTANCE);
    vd at[MEAN_VECTORS], sum[MEAN_VECTORS];
    SL_UNROLL
    for (size_t v = 0; v < V; v++) {
        at[v] = dload(m->times + j + DL * v);
        sum[v] = dset(0);
    }
    for (size_t i = 0; i < m->n; i++) {
        const double dw = m->at_wavelength - m->wavelength[i];
        const vd time = dset(m->time[i]), distance = dset(dw * dw * m->wavelength_scale), alpha = dset(m->alpha[i]);
        SL_UNROLL
        for (size_t v = 0; v < V; v++) {
            const vd dt = at[v] - time;
            const vd s = dmin(dsqrt(dfma(dt * dt, a, distance)), furthest);
            const vd e = exp_minus(s);
            sum[v] = dfma(alpha, dfma(e, s, e), sum[v]);
        }
    }
    const vd amplitude = dset(m->amplitude);
    SL_UNROLL
    for (size_t v = 0; v < V; v++) dstore(m->mean + j + DL * v, amplitude * sum[v]);
}

static void gp_mean(const sl_gp_mean *m)
{
    size_t j = 0;
    for (; j + MEAN_VECTORS * DL <= m->n_times; j += MEAN_VECTORS * DL) mean_block(m, j, MEAN_VECTORS);
    for (; j < m->n_times; j += DL) mean_block(m, j, 1);
}
