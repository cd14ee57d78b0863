/* Memory of the device and of the host, copies. Nothing is ever at an address again, so that a use of freed
 * memory is seen. */
#define _GNU_SOURCE
#include "standin.h"
#include <sys/mman.h>

typedef struct {
    char *start;
    size_t size;
    bool live;
} Block;

static const size_t arena_size = 512ull << 30, gap = 4096;
static char *arena, *arena_next;
static Block blocks[1 << 18], pins[1 << 12];
static long block_count, pin_count;
static size_t used;

__attribute__((constructor)) static void reserve(void) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    arena = arena_next = mmap(NULL, arena_size, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (arena == MAP_FAILED) {
        perror("stand-in driver");
        abort();
    }
}

void standin_arena(void **start, size_t *size) {
    *start = arena;
    *size = arena_size;
}

bool in_device_memory(const void *at) { return (char *)at >= arena && (char *)at < arena + arena_size; }

static Block *block_before(const void *at) {
    long low = 0, high = block_count;
    while (low < high) {
        long middle = (low + high) / 2;
        if (blocks[middle].start <= (char *)at) low = middle + 1;
        else high = middle;
    }
    return low ? &blocks[low - 1] : NULL;
}

bool is_allocated(const void *at, size_t size) {
    Block *block = block_before(at);
    return block && block->live && (char *)at + size <= block->start + block->size;
}

static Block *pin_of(const void *at) {
    for (Block *each = pins; each < pins + pin_count; each++)
        if (each->live && (char *)at >= each->start && (char *)at < each->start + each->size) return each;
    return NULL;
}

static size_t rounded(size_t size) { return (size + 511) & ~511ull; }

CUresult cuMemGetInfo_v2(size_t *unused, size_t *total) {
    ENTER;
    NEED_CONTEXT;
    *unused = options.total_memory - used;
    *total = options.total_memory;
    RETURN(0);
}

CUresult cuMemAlloc_v2(CUdeviceptr *address, size_t size) {
    ENTER;
    NEED_CONTEXT;
    UNSAFE_IN_CAPTURE;
    if (!size) RETURN(CUDA_ERROR_INVALID_VALUE);
    bool full = used + rounded(size) > options.total_memory || block_count == sizeof blocks / sizeof *blocks;
    if (full || arena_next + rounded(size) + gap > arena + arena_size) RETURN(CUDA_ERROR_OUT_OF_MEMORY);
    used += rounded(size);
    counts.allocations++;
    blocks[block_count++] = (Block){arena_next, size, true};
    memset(arena_next, 0xFF,
           size < 1 << 24 ? size : 1 << 24); /* NaN, for whoever reads before it is written */
    *address = (CUdeviceptr)arena_next;
    arena_next += rounded(size) + gap;
    RETURN(0);
}

CUresult cuMemFree_v2(CUdeviceptr address) {
    ENTER;
    if (!address) RETURN(0);
    UNSAFE_IN_CAPTURE;
    Block *block = block_before((void *)address);
    if (!block || !block->live || block->start != (char *)address) {
        violation("cuMemFree of what is not allocated");
        RETURN(CUDA_ERROR_INVALID_VALUE);
    }
    run_all(true);
    block->live = false;
    used -= rounded(block->size);
    RETURN(poisoned);
}

CUresult cuMemHostAlloc(void **address, size_t size, unsigned flags) {
    ENTER;
    NEED_CONTEXT;
    UNSAFE_IN_CAPTURE;
    if (pin_count == sizeof pins / sizeof *pins) RETURN(CUDA_ERROR_OUT_OF_MEMORY);
    *address = mmap(NULL, size + gap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    pins[pin_count++] = (Block){*address, size, true};
    say("pinned %zu", size);
    RETURN(0);
}

CUresult cuMemFreeHost(void *address) {
    ENTER;
    UNSAFE_IN_CAPTURE;
    Block *pin = pin_of(address);
    if (!pin || pin->start != (char *)address) {
        violation("cuMemFreeHost of what is not allocated");
        RETURN(CUDA_ERROR_INVALID_VALUE);
    }
    run_all(true);
    pin->live = false;
    munmap(address, pin->size + gap);
    RETURN(poisoned);
}

CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr *there, void *here, unsigned flags) {
    *there = (CUdeviceptr)here;
    return 0;
}

CUresult cuPointerGetAttribute(void *data, CUpointer_attribute attribute, CUdeviceptr address) {
    ENTER;
    if (attribute != CU_POINTER_ATTRIBUTE_MEMORY_TYPE) RETURN(CUDA_ERROR_NOT_SUPPORTED);
    *(unsigned *)data = is_allocated((void *)address, 1) ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
    RETURN(0);
}

/* Memory that is not pinned is copied to a buffer of the driver's before the call returns, or out of one
 * before it does. */
static CUresult copy(void *target, const void *source, size_t size, Stream *stream) {
    bool in = !in_device_memory(source), out = !in_device_memory(target);
    bool pinned = pin_of(in ? source : target);
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if ((!out && !is_allocated(target, size)) || (!in && !is_allocated(source, size)) || (in && out)) {
        violation("copy of %zu bytes, not of the device's memory", size);
        return CUDA_ERROR_INVALID_VALUE;
    }
    if ((in || out) && !pinned && stream->capture) {
        stream->spoilt = true;
        return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
    }
    Op *op = new_op(COPY);
    op->target = target;
    op->source = source;
    op->size = size;
    counts.copies_in += in;
    counts.pinned_copies_in += in && pinned;
    counts.copies_out += out;
    if (in && !pinned) {
        op->staged = malloc(size);
        memcpy(op->staged, source, size);
    }
    CUresult code = enqueue(stream, op);
    if (!code && out && !pinned) {
        run_until(stream, stream->enqueued);
        code = poisoned;
    }
    return code;
}

CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr target, const void *source, size_t size, CUstream stream) {
    ENTER;
    NEED_CONTEXT;
    RETURN(copy((void *)target, source, size, stream_of(stream)));
}

CUresult cuMemcpyDtoHAsync_v2(void *target, CUdeviceptr source, size_t size, CUstream stream) {
    ENTER;
    NEED_CONTEXT;
    RETURN(copy(target, (void *)source, size, stream_of(stream)));
}

CUresult cuMemcpyDtoDAsync_v2(CUdeviceptr target, CUdeviceptr source, size_t size, CUstream stream) {
    ENTER;
    NEED_CONTEXT;
    RETURN(copy((void *)target, (void *)source, size, stream_of(stream)));
}

CUresult cuMemcpyHtoD_v2(CUdeviceptr target, const void *source, size_t size) {
    ENTER;
    NEED_CONTEXT;
    LEGACY_IN_CAPTURE;
    RETURN(copy((void *)target, source, size, &legacy_stream));
}

CUresult cuMemcpyDtoH_v2(void *target, CUdeviceptr source, size_t size) {
    ENTER;
    NEED_CONTEXT;
    LEGACY_IN_CAPTURE;
    RETURN(copy(target, (void *)source, size, &legacy_stream));
}

static CUresult set(CUdeviceptr address, int value, size_t size, Stream *stream) {
    if (!stream) return CUDA_ERROR_INVALID_HANDLE;
    if (!is_allocated((void *)address, size)) {
        violation("memset of %zu bytes, not of the device's memory", size);
        return CUDA_ERROR_INVALID_VALUE;
    }
    Op *op = new_op(SET);
    op->target = (void *)address;
    op->value = value;
    op->size = size;
    return enqueue(stream, op);
}

CUresult cuMemsetD8Async(CUdeviceptr address, unsigned char value, size_t size, CUstream stream) {
    ENTER;
    NEED_CONTEXT;
    RETURN(set(address, value, size, stream_of(stream)));
}

CUresult cuMemsetD8_v2(CUdeviceptr address, unsigned char value, size_t size) {
    ENTER;
    NEED_CONTEXT;
    LEGACY_IN_CAPTURE;
    RETURN(set(address, value, size, &legacy_stream));
}
