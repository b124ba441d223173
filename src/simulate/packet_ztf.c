#include "simulate/packet.h"

#include <math.h>
#include <stdio.h>

#include "schema/ztf_alert.h"

static const double exposure_s = 30;
static const char programpi[] = "Kulkarni";

static int filter_id(const sl_visit *v)
{
    return v->band == SL_BAND_UNKNOWN ? 7 : v->band;
}

/* The start of the exposure, as ZTF has it. */
static double julian_date(const sl_visit *v)
{
    return v->mjd + 2400000.5 - exposure_s / 2 / 86400;
}

/* Night (4 digits), time (5), readout channel (2), 15. */
static int64_t processing_id(double mjd, int channel)
{
    const double night = floor(mjd);
    return (((int64_t)night - 57754) * 100000 + (int64_t)((mjd - night) * 100000)) * 10000 + channel * 100 + 15;
}

static int channel_of(const sl_history *h)
{
    return (int)((h->place + 17 * h->exposure) % 64);
}

/* Processing number, the sign (15 up, 10 down), the running number. */
static int64_t candidate_id(const sl_history *h, const sl_visit *v)
{
    return processing_id(v->mjd, channel_of(h)) * 1000000 + (v->flux < 0 ? 10 : 15) * 1000 +
           (int64_t)(h->place / 64 % 1000);
}

void sl_packet_name_ztf(sl_packet_names *names, const sl_history *h, uint64_t seed)
{
    const uint64_t n_names = 8031810176; /* 26^7; the factor shares no divisor with it, so no name comes twice */
    uint64_t name = (h->index * 2654435761 + seed % n_names) % n_names;
    const bool old = h->kind >= SL_SIMULATE_RRL && h->kind <= SL_SIMULATE_AGN;
    names->alert = candidate_id(h, &h->visits[h->n_visits - 1]);
    names->object_number = 0;
    snprintf(names->object, sizeof names->object, "ZTF%daaaaaaa", old ? 18 : 25);
    for (int k = 11; k >= 5; k--, name /= 26) names->object[k] = (char)('a' + name % 26);
}

static float between(sl_rng *rng, double low, double high)
{
    return (float)(low + (high - low) * sl_rng_uniform(rng));
}

static void file_name(char *to, size_t n, const sl_history *h, const sl_visit *v, int field)
{
    static const char letters[] = "?gri???";
    const double day = v->mjd - floor(v->mjd);
    const int channel = channel_of(h);
    snprintf(to, n, "ztf_%lld%06d_%06d_z%c_c%02d_o_q%d_scimrefdiffimg.fits.fz", (long long)sl_packet_date(v->mjd),
             (int)(day * 1e6), field, letters[v->band], channel / 4 + 1, channel % 4 + 1);
}

/* A visit's flux as ZTF puts it. */
typedef struct measured {
    float magnitude, sigma;
    const char *sign;
} measured;

static measured measure(const sl_visit *v)
{
    return (measured){.magnitude = (float)sl_history_magnitude(v->flux),
                      .sigma = (float)(1.0857362047581296 * v->error / fabs(v->flux)),
                      .sign = v->flux < 0 ? "f" : "t"};
}

static void put_candidate(sl_avro_out *out, const sl_history *h, const sl_packet_names *names, int field, sl_rng *rng)
{
    const sl_visit *v = &h->visits[h->n_visits - 1];
    const measured m = measure(v);
    const bool nulls = h->fault == SL_FAULT_NULLS;
    size_t n_detected = 0;
    char name[96];
    for (size_t k = 0; k < h->n_visits; k++) n_detected += h->visits[k].detected;
    file_name(name, sizeof name, h, v, field);
    sl_ztf_candidate c = {.jd = julian_date(v), .fid = filter_id(v), .pid = processing_id(v->mjd, channel_of(h)),
                          .programid = 1, .candid = names->alert, .isdiffpos = m.sign, .ra = h->ra, .dec = h->dec,
                          .magpsf = m.magnitude, .sigmapsf = m.sigma, .ranr = h->ra + 1e-5, .decnr = h->dec - 1e-5,
                          .ndethist = (int32_t)n_detected, .ncovhist = 300 + (int32_t)sl_rng_below(rng, 900),
                          .rfid = (int64_t)field * 1000000 + filter_id(v) * 100000 + 100 + channel_of(h),
                          .jdstartref = 2458200.5, .jdendref = 2458400.5, .nframesref = 15, .nmtchps = 5,
                          .rbversion = "t17_f5_c3", .nmatches = 400, .drbversion = "d6_m7"};
    if (!nulls) {
        const sl_some_float far = some_float(-999);
        c.diffmaglim = some_float((float)v->limit_mag);
        c.pdiffimfilename = some_string(name);
        c.programpi = some_string(programpi);
        c.tblid = some_long((int64_t)(h->place / 64) + 1);
        c.nid = some_int((int32_t)floor(v->mjd) - 57754);
        c.rcid = some_int(channel_of(h));
        c.field = some_int(field);
        c.xpos = some_float(between(rng, 20, 3050));
        c.ypos = some_float(between(rng, 20, 3060));
        c.chipsf = some_float(between(rng, 0.8, 3));
        c.magap = some_float(m.magnitude + between(rng, -0.1, 0.1));
        c.sigmagap = some_float(1.1F * m.sigma);
        c.distnr = some_float(between(rng, 0.2, 12));
        c.magnr = some_float(between(rng, 16, 22));
        c.sigmagnr = some_float(0.03F);
        c.chinr = some_float(between(rng, 0.3, 1.5));
        c.sharpnr = some_float(between(rng, -0.3, 0.3));
        c.sky = some_float(between(rng, -0.5, 0.5));
        c.magdiff = some_float(c.magap.value - m.magnitude);
        c.fwhm = some_float(between(rng, 1.6, 4));
        c.classtar = some_float(between(rng, 0.6, 1));
        c.mindtoedge = some_float(between(rng, 20, 1500));
        c.magfromlim = some_float((float)v->limit_mag - c.magap.value);
        c.seeratio = some_float(between(rng, 0.8, 1.2));
        c.aimage = some_float(between(rng, 0.7, 1.4));
        c.bimage = some_float(between(rng, 0.6, 0.7));
        c.aimagerat = some_float(c.aimage.value / c.fwhm.value);
        c.bimagerat = some_float(c.bimage.value / c.fwhm.value);
        c.elong = some_float(c.aimage.value / c.bimage.value);
        c.nneg = some_int((int32_t)sl_rng_below(rng, 8));
        c.nbad = some_int(0);
        c.rb = some_float(between(rng, 0.4, 1));
        c.ssdistnr = c.ssmagnr = far;
        c.ssnamenr = some_string("null");
        c.sumrat = some_float(between(rng, 0.7, 1));
        c.magapbig = some_float(m.magnitude + between(rng, -0.1, 0.2));
        c.sigmagapbig = some_float(1.4F * m.sigma);
        c.sgmag1 = c.srmag1 = c.simag1 = some_float(between(rng, 16, 22));
        c.szmag1 = c.sgmag2 = c.srmag2 = c.simag2 = c.szmag2 = c.sgmag3 = c.srmag3 = c.simag3 = c.szmag3 = far;
        c.sgscore1 = some_float(h->kind >= SL_SIMULATE_RRL && h->kind != SL_SIMULATE_AGN ? 0.98F : 0.1F);
        c.sgscore2 = c.sgscore3 = some_float(0.5F);
        c.distpsnr1 = some_float(between(rng, 0.1, 5));
        c.distpsnr2 = some_float(between(rng, 5, 15));
        c.distpsnr3 = some_float(between(rng, 15, 30));
        c.objectidps1 = some_long(119600469961742126);
        c.objectidps2 = some_long(119590469966660654);
        c.objectidps3 = some_long(119590469955390813);
        c.jdstarthist = some_double(julian_date(&h->visits[0]));
        c.jdendhist = some_double(c.jd);
        c.scorr = some_double(fabs(v->flux) / v->error);
        c.tooflag = some_int(0);
        c.dsnrms = some_float((float)c.scorr.value);
        c.ssnrms = some_float((float)c.scorr.value + 2);
        c.dsdiff = some_float(-2);
        c.magzpsci = some_float(26.3F);
        c.magzpsciunc = some_float(1e-5F);
        c.magzpscirms = some_float(0.03F);
        c.clrcoeff = some_float(-0.04F);
        c.clrcounc = some_float(2e-5F);
        c.zpclrcov = some_float(-2e-5F);
        c.zpmed = some_float(26.2F);
        c.clrmed = some_float(0.7F);
        c.clrrms = some_float(0.25F);
        c.neargaia = some_float(between(rng, 0, 40));
        c.maggaia = some_float(between(rng, 14, 20));
        c.neargaiabright = c.maggaiabright = far;
        c.exptime = some_float((float)exposure_s);
        c.drb = some_float(between(rng, 0.6, 1));
    }
    sl_put_ztf_candidate(out, &c);
}

static void put_earlier(sl_avro_out *out, const sl_history *h, const sl_visit *v, int field, sl_rng *rng)
{
    char name[96];
    file_name(name, sizeof name, h, v, field);
    sl_ztf_prv_candidate p = {.jd = julian_date(v), .fid = filter_id(v), .pid = processing_id(v->mjd, channel_of(h)),
                              .diffmaglim = some_float((float)v->limit_mag), .pdiffimfilename = some_string(name),
                              .programpi = some_string(programpi), .programid = 1,
                              .nid = some_int((int32_t)floor(v->mjd) - 57754), .rcid = some_int(channel_of(h)),
                              .field = some_int(field), .magzpsci = some_float(26.3F),
                              .magzpsciunc = some_float(1e-5F), .magzpscirms = some_float(0.03F),
                              .clrcoeff = some_float(-0.04F), .clrcounc = some_float(2e-5F),
                              .rbversion = "t17_f5_c3"};
    if (v->detected) {
        const measured m = measure(v);
        p.candid = some_long(candidate_id(h, v));
        p.isdiffpos = some_string(m.sign);
        p.tblid = some_long((int64_t)(h->place / 64) + 1);
        p.xpos = some_float(between(rng, 20, 3050));
        p.ypos = some_float(between(rng, 20, 3060));
        p.ra = some_double(h->ra);
        p.dec = some_double(h->dec);
        p.magpsf = some_float(m.magnitude);
        p.sigmapsf = some_float(m.sigma);
        p.chipsf = some_float(between(rng, 0.8, 3));
        p.magap = some_float(m.magnitude + 0.05F);
        p.sigmagap = some_float(1.1F * m.sigma);
        p.distnr = some_float(between(rng, 0.2, 12));
        p.magnr = some_float(between(rng, 16, 22));
        p.fwhm = some_float(between(rng, 1.6, 4));
        p.classtar = some_float(between(rng, 0.6, 1));
        p.mindtoedge = some_float(between(rng, 20, 1500));
        p.nneg = some_int(2);
        p.nbad = some_int(0);
        p.rb = some_float(between(rng, 0.4, 1));
        p.ssdistnr = p.ssmagnr = some_float(-999);
        p.ssnamenr = some_string("null");
        p.magapbig = some_float(m.magnitude + 0.1F);
        p.sigmagapbig = some_float(1.4F * m.sigma);
        p.ranr = some_double(h->ra + 1e-5);
        p.decnr = some_double(h->dec - 1e-5);
        p.scorr = some_double(fabs(v->flux) / v->error);
    }
    sl_put_ztf_prv_candidate(out, &p);
}

static void put_forced(sl_avro_out *out, const sl_history *h, const sl_visit *v, int field)
{
    const double counts_per_njy = pow(10, -0.4 * (31.4 - 26.3));
    const sl_ztf_fp_hist f = {.field = some_int(field), .rcid = some_int(channel_of(h)), .fid = filter_id(v),
                              .pid = processing_id(v->mjd, channel_of(h)),
                              .rfid = (int64_t)field * 1000000 + filter_id(v) * 100000 + 100 + channel_of(h),
                              .sciinpseeing = some_float(2), .scibckgnd = some_float(105), .scisigpix = some_float(5),
                              .magzpsci = some_float(26.3F), .magzpsciunc = some_float(1e-5F),
                              .magzpscirms = some_float(0.03F), .clrcoeff = some_float(-0.04F),
                              .clrcounc = some_float(2e-5F), .exptime = some_float((float)exposure_s),
                              .adpctdif1 = some_float(0.08F), .adpctdif2 = some_float(0.08F),
                              .diffmaglim = some_float((float)v->limit_mag), .programid = 1, .jd = julian_date(v),
                              .forcediffimflux = some_float((float)(v->flux * counts_per_njy)),
                              .forcediffimfluxunc = some_float((float)(v->error * counts_per_njy)),
                              .procstatus = some_string("0"), .distnr = some_float(2), .ranr = h->ra + 1e-5,
                              .decnr = h->dec - 1e-5, .magnr = some_float(20), .sigmagnr = some_float(0.03F),
                              .chinr = some_float(0.5F), .sharpnr = some_float(-0.1F)};
    sl_put_ztf_fp_hist(out, &f);
}

static void put_stamp(sl_avro_out *out, const sl_str *bytes, int64_t candid, const char *what)
{
    sl_avro_put_union(out, bytes != NULL);
    if (bytes == NULL) return;
    char name[64];
    snprintf(name, sizeof name, "candid%lld_%s.fits.gz", (long long)candid, what);
    sl_put_ztf_cutout(out, &(sl_ztf_cutout){.fileName = name, .stampData = *bytes});
}

void sl_packet_put_ztf(sl_avro_out *out, const sl_history *h, const sl_packet_names *names, const sl_stamp_set *stamps,
                       bool endless, sl_rng *rng)
{
    const int field = 245 + (int)sl_rng_below(rng, 600);
    const bool nulls = h->fault == SL_FAULT_NULLS;
    const size_t n_earlier = nulls ? 0 : h->n_visits - 1;
    sl_avro_put_text(out, "4.02");
    sl_avro_put_text(out, "starling simulate");
    sl_avro_put_text(out, names->object);
    sl_avro_put_long(out, names->alert);
    put_candidate(out, h, names, field, rng);
    sl_avro_put_union(out, n_earlier > 0 || endless);
    if (n_earlier > 0 || endless) {
        if (endless) sl_avro_put_block(out, INT64_C(1) << 62);
        else sl_avro_put_block(out, (int64_t)n_earlier);
        for (size_t k = 0; k < n_earlier; k++) put_earlier(out, h, &h->visits[k], field, rng);
        sl_avro_put_end(out);
    }
    sl_avro_put_union(out, n_earlier > 0);
    if (n_earlier > 0) {
        sl_avro_put_block(out, (int64_t)n_earlier);
        for (size_t k = 0; k < n_earlier; k++) put_forced(out, h, &h->visits[k], field);
        sl_avro_put_end(out);
    }
    if (nulls) stamps = NULL;
    put_stamp(out, stamps != NULL ? &stamps->science : NULL, names->alert, "targ_sci");
    put_stamp(out, stamps != NULL ? &stamps->template_ : NULL, names->alert, "ref");
    put_stamp(out, stamps != NULL ? &stamps->difference : NULL, names->alert, "targ_scimref");
}
