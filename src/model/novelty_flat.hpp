/* model/novelty_flat.hpp - novelty from and to FlatBuffers; a part of model_flat.cc. */
#ifndef SL_MODEL_NOVELTY_FLAT_HPP
#define SL_MODEL_NOVELTY_FLAT_HPP

namespace {

/* n floats in place, or none where n is 0. */
sl_status read_array(const Vector<float> *from, size_t n, const float **to, sl_error *err)
{
    if ((from != nullptr ? from->size() : 0) != n) return fail(err, "novelty: an array is not as long as it must be");
    if (n == 0) return SL_OK;
    if (reinterpret_cast<uintptr_t>(from->Data()) % alignof(float) != 0) return fail(err, "novelty: not aligned");
    *to = reinterpret_cast<const float *>(from->Data());
    return SL_OK;
}

/* Directions are the only numbers that are stored in another form than they are used in. */
sl_status read_directions(const flat::Novelty *from, uint32_t width, uint32_t rank, sl_arena *arena, const float **to,
                          sl_error *err)
{
    const Vector<uint16_t> *halves = from->directions();
    const float *scales = nullptr;
    const size_t n = static_cast<size_t>(width) * rank;
    if ((halves != nullptr ? halves->size() : 0) != n) return fail(err, "novelty: directions are not as many as they must be");
    SL_TRY(read_array(from->scales(), rank, &scales, err));
    if (n == 0) return SL_OK;
    float *floats = static_cast<float *>(sl_arena_alloc(arena, n, sizeof(float)));
    if (floats == nullptr) return SL_FAIL_NOMEM(err);
    for (size_t i = 0; i < n; i++) floats[i] = scales[i % rank] * sl_half_to_float(halves->Get(static_cast<uint32_t>(i)));
    *to = floats;
    return SL_OK;
}

sl_status read_novelty(const flat::Novelty *from, uint32_t n_classes, sl_arena *arena, const sl_novelty **out, sl_error *err)
{
    if (from == nullptr) return SL_OK;
    sl_novelty *to = static_cast<sl_novelty *>(sl_arena_alloc(arena, 1, sizeof(sl_novelty)));
    if (to == nullptr) return SL_FAIL_NOMEM(err);
    *to = sl_novelty();
    to->kind = static_cast<sl_novelty_kind>(from->kind());
    to->known = from->known();
    to->width = from->width();
    to->rank = from->origin() != nullptr ? from->origin()->size() : 0;
    if (to->width > SL_MAX_NOVELTY_WIDTH || to->rank > SL_MAX_CLASSES) return fail(err, "novelty: too wide");
    SL_TRY(read_directions(from, to->width, to->rank, arena, &to->directions, err));
    SL_TRY(read_array(from->origin(), to->rank, &to->origin, err));
    SL_TRY(read_array(from->pull(), to->rank, &to->pull, err));
    SL_TRY(read_array(from->centers(), static_cast<size_t>(to->rank) * n_classes, &to->centers, err));
    to->n_quantiles = from->quantiles() != nullptr ? from->quantiles()->size() : 0;
    SL_TRY(read_array(from->quantiles(), to->n_quantiles, &to->quantiles, err));
    *out = to;
    return SL_OK;
}

sl_status open_packed(const flat::Model *model, sl_arena *arena, sl_model_parts *out, sl_error *err)
{
    if (model->contract() != nullptr || model->layers() != nullptr || model->tensors() != nullptr || model->weights() != nullptr) {
        return fail(err, "packed, and not packed beside");
    }
    const Vector<uint8_t> *bytes = model->packed_bytes();
    out->packed = {model->packed()->data(), bytes != nullptr ? bytes->data() : nullptr, model->packed()->size(),
                   bytes != nullptr ? bytes->size() : 0};
    return sl_packed_open(out, arena, err);
}

/* At most, with what stands around the vectors. */
size_t novelty_bytes(const sl_novelty *n, uint32_t n_classes)
{
    if (n == nullptr) return 0;
    const size_t rank = n->rank;
    return 256 + rank * n->width * sizeof(uint16_t) + (rank * (n_classes + 3) + n->n_quantiles) * sizeof(float);
}

Offset<flat::Novelty> write_novelty(FlatBufferBuilder &b, const sl_novelty *n, uint32_t n_classes)
{
    if (n == nullptr) return 0;
    const auto quantiles = b.CreateVector(n->quantiles, n->n_quantiles);
    const auto kind = static_cast<flat::NoveltyKind>(n->kind);
    if (n->rank == 0 || n->rank > SL_MAX_CLASSES) return flat::CreateNovelty(b, kind, n->width, n->known, 0, 0, quantiles);
    const size_t count = static_cast<size_t>(n->width) * n->rank;
    float scales[SL_MAX_CLASSES] = {0};
    for (size_t i = 0; i < count; i++) {
        float &scale = scales[i % n->rank];
        if (std::fabs(n->directions[i]) > scale) scale = std::fabs(n->directions[i]);
    }
    for (uint32_t r = 0; r < n->rank; r++) scales[r] = sl_novelty_scale(scales[r]);
    uint16_t *halves = nullptr;
    const auto directions = b.CreateUninitializedVector(count, &halves);
    for (size_t i = 0; i < count; i++) halves[i] = sl_half_from_float(n->directions[i] / scales[i % n->rank]);
    const auto centers = b.CreateVector(n->centers, static_cast<size_t>(n->rank) * n_classes);
    return flat::CreateNovelty(b, kind, n->width, n->known, directions, centers, quantiles, b.CreateVector(scales, n->rank),
                               b.CreateVector(n->origin, n->rank), b.CreateVector(n->pull, n->rank));
}

} // namespace

#endif
