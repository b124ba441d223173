#include "model/model_flat.h"

#include <cmath>
#include <cstdlib>
#include <cstring>

/*
 * FlatBuffers has an allocator of its own beside the one it is given below.
 * It is never called, but to link its operators would load libstdc++ at each
 * start, and nothing else here needs that.
 */
void *operator new[](size_t n) __asm__("malloc");
void operator delete[](void *block) noexcept __asm__("free");
void operator delete[](void *block, size_t n) noexcept __asm__("free");
void operator delete(void *block) noexcept __asm__("free");
void operator delete(void *block, size_t n) noexcept __asm__("free");

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#include "model/model_generated.h"
#pragma GCC diagnostic pop

extern "C" {
#include "base/error.h"
#include "base/half.h"
#include "model/packed.h"
#include "starling/model.h"
}

namespace flat = starling::flat;
using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using flatbuffers::String;
using flatbuffers::Vector;

namespace {

sl_status fail(sl_error *err, const char *what)
{
    return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model file: %s", what);
}

} // namespace

#include "model/layer_flat.hpp"
#include "model/novelty_flat.hpp"

namespace {

constexpr size_t TENSOR_ALIGN = 16;
constexpr size_t CONTRACT_ROOM = 24 * 1024; /* more than any contract takes, its texts included */

size_t round_up(size_t n, size_t to)
{
    return (n + to - 1) / to * to;
}

/* ---- reading ---- */

sl_status read_text(const String *from, char *to, size_t size, const char *what, sl_error *err)
{
    if (from == nullptr) return SL_OK;
    if (from->size() >= size || memchr(from->c_str(), '\0', from->size()) != nullptr) return fail(err, what);
    memcpy(to, from->c_str(), from->size());
    return SL_OK;
}

sl_status read_bands(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    if (from->bands() == nullptr || from->bands()->size() > SL_MAX_BANDS) return fail(err, "no bands, or too many");
    /* The verifier does not look at the alignment of what a vector holds. */
    if (reinterpret_cast<uintptr_t>(from->bands()->Data()) % alignof(double) != 0) return fail(err, "bands are not aligned");
    to->n_bands = from->bands()->size();
    for (uint32_t b = 0; b < to->n_bands; b++) {
        const flat::Band *band = from->bands()->Get(b);
        static_assert(sizeof to->bands[b].name == 8, "a band's name has 8 bytes");
        memcpy(to->bands[b].name, band->name()->Data(), sizeof to->bands[b].name);
        to->bands[b].wavelength_aa = band->wavelength_aa();
    }
    to->n_channels = from->n_channels();
    to->channel_rule = static_cast<sl_channel_rule>(from->channel_rule());
    return SL_OK;
}

void read_points(const flat::Contract *from, sl_contract *to)
{
    to->zero_point = from->zero_point();
    to->time_order = static_cast<sl_time_order>(from->time_order());
    to->exposure_moment = static_cast<sl_exposure_moment>(from->exposure_moment());
    to->time_scale = static_cast<sl_time_scale>(from->time_scale());
    to->use = from->use();
    to->one_per_visit = from->one_per_visit();
    to->signed_flux = from->signed_flux();
    to->drop_bad = from->drop_bad();
    to->window_before_day = from->window_before_day();
    to->window_after_day = from->window_after_day();
    to->min_points = from->min_points();
    to->min_bands = from->min_bands();
    to->max_points = from->max_points();
}

void read_gp(const flat::Contract *from, sl_gp_rules *to)
{
    to->amplitude_factor = from->gp_amplitude_factor();
    to->wavelength_scale_aa = from->gp_wavelength_scale_aa();
    to->jitter = from->gp_jitter();
    to->amplitude_halfwidth = from->gp_amplitude_halfwidth();
    to->metric_start = from->gp_metric_start();
    to->metric_min = from->gp_metric_min();
    to->metric_max = from->gp_metric_max();
    to->tolerance = from->gp_tolerance();
    to->grid_length = from->gp_grid_length();
}

sl_status read_input(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    to->scaling = static_cast<sl_scaling>(from->scaling());
    if (from->center() != nullptr) {
        if (from->center()->size() > SL_MAX_BANDS) return fail(err, "scaling has too many centers");
        for (uint32_t i = 0; i < from->center()->size(); i++) to->center[i] = from->center()->Get(i);
    }
    if (from->spread() != nullptr) {
        if (from->spread()->size() > SL_MAX_BANDS) return fail(err, "scaling has too many spreads");
        for (uint32_t i = 0; i < from->spread()->size(); i++) to->spread[i] = from->spread()->Get(i);
    }
    to->extra_mode = static_cast<sl_extra_mode>(from->extra_mode());
    if (from->extras() != nullptr) {
        if (from->extras()->size() > SL_MAX_EXTRAS) return fail(err, "too many extra features");
        to->n_extras = from->extras()->size();
        for (uint32_t i = 0; i < to->n_extras; i++) to->extras[i] = static_cast<sl_extra>(from->extras()->Get(i));
    }
    return SL_OK;
}

sl_status read_floats(const Vector<float> *from, float *to, uint32_t n, const char *what, sl_error *err)
{
    if ((from != nullptr ? from->size() : 0) != n) return fail(err, what);
    for (uint32_t i = 0; i < n; i++) to[i] = from->Get(i);
    return SL_OK;
}

/* The features must have been read. What is not in use is set as an empty contract has it. */
sl_status read_scales(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    const uint32_t n = sl_contract_input_features(to), n_knots = from->feature_knots();
    if (n > SL_MAX_FEATURE_VALUES || n_knots > SL_MAX_KNOTS) return fail(err, "too many values of features, or knots");
    const uint32_t n_scales = n_knots == 0 ? n : 0, n_table = n * n_knots;
    SL_TRY(read_floats(from->feature_center(), to->feature_center, n_scales, "each value of a feature needs a center", err));
    SL_TRY(read_floats(from->feature_spread(), to->feature_spread, n_scales, "each value of a feature needs a spread", err));
    const Vector<uint16_t> *table = from->feature_table();
    if ((table != nullptr ? table->size() : 0) != n_table) return fail(err, "each value of a feature needs its knots");
    to->feature_knots = n_knots;
    for (uint32_t i = 0; i < n_table; i++) to->feature_table[i] = table->Get(i);
    return SL_OK;
}

/* The bands must have been read. */
sl_status read_features(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    to->sees = static_cast<sl_sees>(from->sees());
    to->max_nights = from->max_nights();
    to->planes = from->planes();
    to->asinh_scale = from->asinh_scale();
    to->grid_wavelengths = from->grid_wavelengths();
    if (from->features() != nullptr) {
        if (from->features()->size() > SL_MAX_FEATURES) return fail(err, "too many features");
        to->n_features = from->features()->size();
        for (uint32_t i = 0; i < to->n_features; i++) to->features[i] = static_cast<sl_feature>(from->features()->Get(i));
    }
    if (from->feature_bands() != nullptr) {
        if (from->feature_bands()->size() != to->n_features) return fail(err, "bands of features, but not of each");
        for (uint32_t i = 0; i < to->n_features; i++) to->feature_bands[i] = from->feature_bands()->Get(i);
    }
    return read_scales(from, to, err);
}

sl_status read_ids(const Vector<int32_t> *from, sl_contract *to, int32_t sl_class::*member, sl_error *err)
{
    if (from == nullptr) return SL_OK;
    if (from->size() != to->n_classes) return fail(err, "as many class ids as classes are needed");
    for (uint32_t i = 0; i < to->n_classes; i++) to->classes[i].*member = from->Get(i);
    return SL_OK;
}

/* Names stand one a line, without a newline at the end. */
sl_status read_classes(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    if (from->class_names() == nullptr) return fail(err, "no class names");
    const char *p = from->class_names()->c_str();
    const char *end = p + from->class_names()->size();
    while (p <= end) {
        const char *stop = static_cast<const char *>(memchr(p, '\n', static_cast<size_t>(end - p)));
        if (stop == nullptr) stop = end;
        const size_t len = static_cast<size_t>(stop - p);
        if (to->n_classes == SL_MAX_CLASSES || len >= SL_MAX_NAME) return fail(err, "too many classes, or a name too long");
        memcpy(to->classes[to->n_classes++].name, p, len);
        p = stop + 1;
    }
    SL_TRY(read_ids(from->plasticc_ids(), to, &sl_class::plasticc_id, err));
    return read_ids(from->elasticc_ids(), to, &sl_class::elasticc_id, err);
}

sl_status read_contract(const flat::Contract *from, sl_contract *to, sl_error *err)
{
    if (from == nullptr) return fail(err, "no contract");
    memset(to, 0, sizeof *to);
    SL_TRY(read_text(from->name(), to->name, sizeof to->name, "the contract's name is too long", err));
    SL_TRY(read_bands(from, to, err));
    read_points(from, to);
    read_gp(from, &to->gp);
    SL_TRY(read_input(from, to, err));
    SL_TRY(read_features(from, to, err));
    SL_TRY(read_classes(from, to, err));
    SL_TRY(read_text(from->source(), to->source, sizeof to->source, "the source is too long", err));
    return read_text(from->created_by(), to->created_by, sizeof to->created_by, "created_by is too long", err);
}

sl_status read_tensor(const flat::Tensor *from, const Vector<uint8_t> *weights, sl_tensor *to, sl_error *err)
{
    *to = sl_tensor();
    to->storage = static_cast<sl_storage>(from->storage());
    to->scale = from->scale();
    if (from->shape() != nullptr) {
        if (from->shape()->size() > SL_MAX_RANK) return fail(err, "a tensor has more than four dimensions");
        to->rank = from->shape()->size();
        for (uint32_t i = 0; i < to->rank; i++) to->shape[i] = from->shape()->Get(i);
    }
    const size_t size = weights != nullptr ? weights->size() : 0;
    if (from->offset() % TENSOR_ALIGN != 0) return fail(err, "a tensor does not begin at a multiple of 16 bytes");
    if (from->offset() > size) return fail(err, "a tensor begins behind the end of the weights");
    to->n_bytes = size - from->offset();
    to->data = weights != nullptr ? weights->data() + from->offset() : nullptr;
    if (from->name() != nullptr) to->name = sl_str{from->name()->c_str(), from->name()->size()};
    return SL_OK;
}

/* ---- writing ---- */

/* One block, asked for before anything is built: the builder itself cannot say that memory is out. */
class OneBlock : public flatbuffers::Allocator {
public:
    explicit OneBlock(uint8_t *block) : block_(block) {}
    uint8_t *allocate(size_t) override { return block_; }
    void deallocate(uint8_t *, size_t) override {}

private:
    uint8_t *block_;
};

Offset<String> text(FlatBufferBuilder &b, const char *s)
{
    return *s != '\0' ? b.CreateString(s, strlen(s)) : Offset<String>(0);
}

Offset<Vector<int32_t>> ids(FlatBufferBuilder &b, const sl_contract &c, int32_t sl_class::*member)
{
    int32_t all[SL_MAX_CLASSES];
    bool any = false;
    for (uint32_t i = 0; i < c.n_classes; i++) {
        all[i] = c.classes[i].*member;
        any = any || all[i] != 0;
    }
    return any ? b.CreateVector(all, c.n_classes) : Offset<Vector<int32_t>>(0);
}

Offset<String> class_names(FlatBufferBuilder &b, const sl_contract &c)
{
    char all[SL_MAX_CLASSES * SL_MAX_NAME];
    size_t n = 0;
    for (uint32_t i = 0; i < c.n_classes; i++) {
        if (i > 0) all[n++] = '\n';
        const size_t len = strlen(c.classes[i].name);
        memcpy(all + n, c.classes[i].name, len);
        n += len;
    }
    return b.CreateString(all, n);
}

void add_rules(flat::ContractBuilder &to, const sl_contract &c)
{
    to.add_n_channels(static_cast<uint8_t>(c.n_channels));
    to.add_channel_rule(static_cast<uint8_t>(c.channel_rule));
    to.add_zero_point(c.zero_point);
    to.add_time_order(static_cast<uint8_t>(c.time_order));
    to.add_exposure_moment(static_cast<uint8_t>(c.exposure_moment));
    to.add_time_scale(static_cast<uint8_t>(c.time_scale));
    to.add_use(static_cast<uint8_t>(c.use));
    to.add_one_per_visit(c.one_per_visit);
    to.add_signed_flux(c.signed_flux);
    to.add_drop_bad(c.drop_bad);
    to.add_window_before_day(c.window_before_day);
    to.add_window_after_day(c.window_after_day);
    to.add_min_points(static_cast<uint16_t>(c.min_points));
    to.add_min_bands(static_cast<uint8_t>(c.min_bands));
    to.add_max_points(static_cast<uint16_t>(c.max_points));
    to.add_gp_amplitude_factor(c.gp.amplitude_factor);
    to.add_gp_wavelength_scale_aa(c.gp.wavelength_scale_aa);
    to.add_gp_jitter(c.gp.jitter);
    to.add_gp_amplitude_halfwidth(c.gp.amplitude_halfwidth);
    to.add_gp_metric_start(c.gp.metric_start);
    to.add_gp_metric_min(c.gp.metric_min);
    to.add_gp_metric_max(c.gp.metric_max);
    to.add_gp_tolerance(c.gp.tolerance);
    to.add_gp_grid_length(static_cast<uint16_t>(c.gp.grid_length));
    to.add_scaling(static_cast<uint8_t>(c.scaling));
    to.add_extra_mode(static_cast<uint8_t>(c.extra_mode));
    to.add_sees(static_cast<uint8_t>(c.sees));
    to.add_max_nights(static_cast<uint16_t>(c.max_nights));
    to.add_planes(static_cast<uint8_t>(c.planes));
    to.add_asinh_scale(c.asinh_scale);
    to.add_grid_wavelengths(static_cast<uint8_t>(c.grid_wavelengths));
}

bool any_bands(const sl_contract &c)
{
    bool any = false;
    for (uint32_t i = 0; i < c.n_features; i++) any = any || c.feature_bands[i] != 0;
    return any;
}

Offset<flat::Contract> write_contract(FlatBufferBuilder &b, const sl_contract &c)
{
    const auto name = text(b, c.name), source = text(b, c.source), created_by = text(b, c.created_by);
    flat::Band band[SL_MAX_BANDS];
    for (uint32_t i = 0; i < c.n_bands; i++) {
        uint8_t padded[8] = {0};
        memcpy(padded, c.bands[i].name, strlen(c.bands[i].name));
        band[i] = flat::Band(flatbuffers::span<const uint8_t, 8>(padded), c.bands[i].wavelength_aa);
    }
    const auto bands = b.CreateVectorOfStructs(band, c.n_bands);
    const bool fixed = c.scaling == SL_SCALING_FIXED;
    const auto center = fixed ? b.CreateVector(c.center, c.n_channels) : Offset<Vector<float>>(0);
    const auto spread = fixed ? b.CreateVector(c.spread, c.n_channels) : Offset<Vector<float>>(0);
    uint8_t extra[SL_MAX_EXTRAS];
    for (uint32_t i = 0; i < c.n_extras; i++) extra[i] = static_cast<uint8_t>(c.extras[i]);
    const auto extras = c.n_extras > 0 ? b.CreateVector(extra, c.n_extras) : Offset<Vector<uint8_t>>(0);
    uint8_t feature[SL_MAX_FEATURES];
    for (uint32_t i = 0; i < c.n_features; i++) feature[i] = static_cast<uint8_t>(c.features[i]);
    const uint32_t n_values = sl_contract_input_features(&c);
    const auto features = n_values > 0 ? b.CreateVector(feature, c.n_features) : Offset<Vector<uint8_t>>(0);
    const auto feature_bands = any_bands(c) ? b.CreateVector(c.feature_bands, c.n_features) : Offset<Vector<uint8_t>>(0);
    const uint32_t n_scales = c.feature_knots == 0 ? n_values : 0, n_table = n_values * c.feature_knots;
    const auto feature_center = n_scales > 0 ? b.CreateVector(c.feature_center, n_scales) : Offset<Vector<float>>(0);
    const auto feature_spread = n_scales > 0 ? b.CreateVector(c.feature_spread, n_scales) : Offset<Vector<float>>(0);
    const auto feature_table = n_table > 0 ? b.CreateVector(c.feature_table, n_table) : Offset<Vector<uint16_t>>(0);
    const auto names = class_names(b, c);
    const auto plasticc = ids(b, c, &sl_class::plasticc_id), elasticc = ids(b, c, &sl_class::elasticc_id);

    flat::ContractBuilder to(b);
    to.add_name(name);
    to.add_bands(bands);
    add_rules(to, c);
    to.add_center(center);
    to.add_spread(spread);
    to.add_extras(extras);
    to.add_class_names(names);
    to.add_plasticc_ids(plasticc);
    to.add_elasticc_ids(elasticc);
    to.add_source(source);
    to.add_created_by(created_by);
    to.add_features(features);
    to.add_feature_center(feature_center);
    to.add_feature_spread(feature_spread);
    to.add_feature_bands(feature_bands);
    to.add_feature_knots(static_cast<uint8_t>(c.feature_knots));
    to.add_feature_table(feature_table);
    return to.Finish();
}

Offset<flat::Tensor> write_tensor(FlatBufferBuilder &b, const sl_tensor &tensor, size_t offset)
{
    const auto name = tensor.name.len > 0 ? b.CreateString(tensor.name.ptr, tensor.name.len) : Offset<String>(0);
    const auto shape = tensor.rank > 0 ? b.CreateVector(tensor.shape, tensor.rank) : Offset<Vector<uint32_t>>(0);
    flat::TensorBuilder to(b);
    to.add_name(name);
    to.add_shape(shape);
    to.add_storage(static_cast<flat::Storage>(tensor.storage));
    to.add_offset(static_cast<uint32_t>(offset));
    if (tensor.storage == SL_STORAGE_INT8) to.add_scale(tensor.scale);
    return to.Finish();
}

Offset<Vector<uint8_t>> write_weights(FlatBufferBuilder &b, const sl_model_parts *parts, size_t size)
{
    uint8_t *to = nullptr;
    b.ForceVectorAlignment(size, 1, 32);
    const auto weights = Offset<Vector<uint8_t>>(b.CreateUninitializedVector(size, 1, &to));
    for (size_t i = 0; i < parts->n_tensors; i++) {
        const size_t n = parts->tensors[i].n_bytes, room = i + 1 < parts->n_tensors ? round_up(n, TENSOR_ALIGN) : n;
        memcpy(to, parts->tensors[i].data, n);
        memset(to + n, 0, room - n);
        to += room;
    }
    return weights;
}

void build(FlatBufferBuilder &b, const sl_model_parts *parts, size_t weight_bytes)
{
    const auto weights = write_weights(b, parts, weight_bytes);
    Offset<flat::Tensor> tensor[SL_MAX_TENSORS];
    size_t offset = 0;
    for (size_t i = 0; i < parts->n_tensors; i++) {
        tensor[i] = write_tensor(b, parts->tensors[i], offset);
        offset += round_up(parts->tensors[i].n_bytes, TENSOR_ALIGN);
    }
    const auto tensors = b.CreateVector(tensor, parts->n_tensors);
    Offset<flat::Layer> layer[SL_MAX_LAYERS];
    for (size_t i = 0; i < parts->n_layers; i++) layer[i] = write_layer(b, parts->layers[i]);
    const auto layers = b.CreateVector(layer, parts->n_layers);
    const auto contract = write_contract(b, parts->contract);
    const auto novelty = write_novelty(b, parts->novelty, parts->contract.n_classes);
    flat::ModelBuilder model(b);
    model.add_format_version(parts->format_version);
    model.add_contract(contract);
    model.add_layers(layers);
    model.add_tensors(tensors);
    model.add_weights(weights);
    model.add_temperature(parts->temperature);
    model.add_novelty(novelty);
    b.Finish(model.Finish(), SL_MODEL_IDENTIFIER);
}

/* What is coded, and what is not. */
void build_packed(FlatBufferBuilder &b, const sl_model_parts *parts)
{
    const sl_packed &p = parts->packed;
    const auto bytes = p.n_bytes > 0 ? b.CreateVector(static_cast<const uint8_t *>(p.bytes), p.n_bytes) : Offset<Vector<uint8_t>>(0);
    const auto stream = b.CreateVector(static_cast<const uint8_t *>(p.stream), p.n_stream);
    const auto novelty = write_novelty(b, parts->novelty, parts->contract.n_classes);
    flat::ModelBuilder model(b);
    model.add_format_version(parts->format_version);
    model.add_packed(stream);
    model.add_packed_bytes(bytes);
    model.add_temperature(parts->temperature);
    model.add_novelty(novelty);
    b.Finish(model.Finish(), SL_MODEL_IDENTIFIER);
}

} // namespace

extern "C" sl_status sl_model_flat_read(const void *bytes, size_t n_bytes, sl_arena *arena, sl_model_parts *out,
                                        sl_error *err)
{
    enum { DEPTH = 8, TABLES = SL_MAX_LAYERS + SL_MAX_TENSORS + 16, SMALLEST = 16 };
    const uint8_t *p = static_cast<const uint8_t *>(bytes);
    if (n_bytes < SMALLEST || !flatbuffers::BufferHasIdentifier(p, SL_MODEL_IDENTIFIER)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_UNKNOWN_FORMAT, "not a starling model file");
    }
    flatbuffers::Verifier verifier(p, n_bytes, DEPTH, TABLES);
    if (!flat::VerifyModelBuffer(verifier)) {
        return SL_FAIL(err, SL_ERR_FORMAT, SL_REASON_NONE, "model file is cut or damaged");
    }
    const flat::Model *model = flat::GetModel(p);
    out->format_version = model->format_version();
    if (out->format_version != SL_MODEL_FORMAT) {
        return SL_FAIL(err, SL_ERR_UNSUPPORTED, SL_REASON_NONE, "model file has format version %u, this build reads %d",
                       out->format_version, SL_MODEL_FORMAT);
    }
    out->temperature = model->temperature();
    if (model->packed() != nullptr) {
        SL_TRY(open_packed(model, arena, out, err));
        return read_novelty(model->novelty(), out->contract.n_classes, arena, &out->novelty, err);
    }
    SL_TRY(read_contract(model->contract(), &out->contract, err));
    SL_TRY(read_novelty(model->novelty(), out->contract.n_classes, arena, &out->novelty, err));
    if (model->layers() == nullptr || model->tensors() == nullptr) return fail(err, "no layers or no tensors");
    out->n_layers = model->layers()->size();
    out->n_tensors = model->tensors()->size();
    if (out->n_layers > SL_MAX_LAYERS || out->n_tensors > SL_MAX_TENSORS) return fail(err, "too many layers or tensors");
    out->layers = static_cast<sl_layer *>(sl_arena_alloc(arena, out->n_layers, sizeof(sl_layer)));
    out->tensors = static_cast<sl_tensor *>(sl_arena_alloc(arena, out->n_tensors, sizeof(sl_tensor)));
    if (out->layers == nullptr || out->tensors == nullptr) return SL_FAIL_NOMEM(err);
    for (uint32_t i = 0; i < out->n_layers; i++) read_layer(model->layers()->Get(i), &out->layers[i]);
    for (uint32_t i = 0; i < out->n_tensors; i++) {
        SL_TRY(read_tensor(model->tensors()->Get(i), model->weights(), &out->tensors[i], err));
    }
    return SL_OK;
}

extern "C" sl_status sl_model_flat_write(const sl_model_parts *parts, void **bytes, size_t *n_bytes, sl_error *err)
{
    SL_REQUIRE(parts->n_layers <= SL_MAX_LAYERS && parts->n_tensors <= SL_MAX_TENSORS, err);
    size_t weight_bytes = 0, room = CONTRACT_ROOM + parts->packed.n_stream + parts->packed.n_bytes;
    for (size_t i = 0; parts->packed.stream == nullptr && i < parts->n_tensors; i++) {
        const size_t n = parts->tensors[i].n_bytes;
        SL_REQUIRE(n <= sizeof(float) * SL_MAX_PARAMETERS && weight_bytes <= sizeof(float) * SL_MAX_PARAMETERS, err);
        weight_bytes += i + 1 < parts->n_tensors ? round_up(n, TENSOR_ALIGN) : n;
        room += 128 + parts->tensors[i].name.len;
    }
    room += novelty_bytes(parts->novelty, parts->contract.n_classes);
    room = round_up(room + weight_bytes + parts->n_layers * 128, 64);
    uint8_t *block = static_cast<uint8_t *>(malloc(room));
    if (block == nullptr) return SL_FAIL_NOMEM(err);
    OneBlock allocator(block);
    FlatBufferBuilder b(room, &allocator, false);
    if (parts->packed.stream != nullptr) {
        build_packed(b, parts);
    } else {
        build(b, parts, weight_bytes);
    }
    *n_bytes = b.GetSize();
    memmove(block, b.GetBufferPointer(), *n_bytes);
    *bytes = block;
    return SL_OK;
}

extern "C" sl_status sl_contract_flat_read(const void *bytes, size_t n_bytes, sl_contract *out, sl_error *err)
{
    enum { DEPTH = 4, TABLES = 4, SMALLEST = 16 };
    const uint8_t *p = static_cast<const uint8_t *>(bytes);
    if (n_bytes < SMALLEST) return fail(err, "the contract is cut");
    flatbuffers::Verifier verifier(p, n_bytes, DEPTH, TABLES);
    if (!verifier.VerifyBuffer<flat::Contract>(nullptr)) return fail(err, "the contract is cut or damaged");
    return read_contract(flatbuffers::GetRoot<flat::Contract>(p), out, err);
}

extern "C" sl_status sl_contract_flat_write(const sl_contract *contract, void **bytes, size_t *n_bytes, sl_error *err)
{
    uint8_t *block = static_cast<uint8_t *>(malloc(CONTRACT_ROOM));
    if (block == nullptr) return SL_FAIL_NOMEM(err);
    OneBlock allocator(block);
    FlatBufferBuilder b(CONTRACT_ROOM, &allocator, false);
    b.Finish(write_contract(b, *contract));
    *n_bytes = b.GetSize();
    memmove(block, b.GetBufferPointer(), *n_bytes);
    *bytes = block;
    return SL_OK;
}
