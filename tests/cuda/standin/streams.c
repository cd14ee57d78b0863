/* Streams, events, and when their work runs. */
#include "standin.h"

typedef struct {
    bool dead;
    Stream *stream;
    uint64_t number;
    Graph *captured;
    struct timespec asked;
} Event;

Stream *streams, legacy_stream = {.blocking = true};
static int stream_count;

Stream *stream_of(CUstream handle) {
    if (!handle || handle == CU_STREAM_LEGACY) return &legacy_stream;
    for (Stream *each = streams; each; each = each->next)
        if (each == (Stream *)handle) return each->dead ? NULL : each;
    return NULL;
}

Op *new_op(int kind) {
    Op *op = calloc(1, sizeof *op);
    op->kind = kind;
    return op;
}

void execute(Op *op) {
    if (poisoned) return;
    const void *source = op->staged ? op->staged : op->source;
    bool freed = in_device_memory(op->target) && !is_allocated(op->target, op->size);
    if (op->kind == COPY && (freed || (in_device_memory(source) && !is_allocated(source, op->size))))
        violation("a copy of memory that has been freed meanwhile");
    else if (op->kind == COPY) memmove(op->target, source, op->size);
    else if (op->kind == SET && freed) violation("a memset of memory that has been freed meanwhile");
    else if (op->kind == SET) memset(op->target, op->value, op->size);
    else if (op->kind == KERNEL) execute_kernel(op);
    else if (op->kind == CALL) op->call(op->target);
    else if (op->kind == GRAPH)
        for (Op *each = op->graph->first; each; each = each->next) {
            counts.kernels_in_graphs += each->kind == KERNEL;
            execute(each);
        }
}

static bool is_ready(Stream *stream) {
    Op *op = stream->first;
    return op && !(op->kind == WAIT && op->awaited->done < op->awaited_number);
}

static void run_first(Stream *stream) {
    Op *op = stream->first;
    stream->first = op->next;
    if (!stream->first) stream->last = NULL;
    execute(op);
    stream->done = op->number;
    free(op->staged);
    free(op->parameters);
    free(op);
}

static void run_others(Stream *besides) {
    bool moved = true;
    while (moved) {
        moved = false;
        for (Stream *each = streams; each; each = each->next)
            if (each != besides && is_ready(each)) {
                run_first(each);
                moved = true;
            }
    }
}

static void run_any(void) {
    int ready = 0;
    options.seed ^= options.seed << 13;
    options.seed ^= options.seed >> 7;
    options.seed ^= options.seed << 17;
    for (Stream *each = streams; each; each = each->next)
        ready += is_ready(each);
    if (!ready) {
        violation("every stream waits for another");
        abort();
    }
    int drawn = options.seed % ready;
    for (Stream *each = streams; each; each = each->next)
        if (is_ready(each) && !drawn--) {
            run_first(each);
            return;
        }
}

/* Work of a stream up to a number, and of the others what the order asks for: nothing that need not be, all
 * that can be, or whatever is drawn. */
void run_until(Stream *stream, uint64_t number) {
    while (stream->done < number) {
        if (options.order == RANDOM) {
            run_any();
            continue;
        }
        if (options.order == OTHERS_FIRST) run_others(stream);
        if (!is_ready(stream)) run_until(stream->first->awaited, stream->first->awaited_number);
        run_first(stream);
    }
}

void run_all(bool non_blocking_too) {
    for (Stream *each = streams; each; each = each->next)
        if (non_blocking_too || each->blocking) run_until(each, each->enqueued);
}

CUresult enqueue(Stream *stream, Op *op) {
    if (stream->capture) {
        if (stream->spoilt) return CUDA_ERROR_STREAM_CAPTURE_INVALIDATED;
        Graph *graph = stream->capture;
        if (graph->last) graph->last->next = op;
        else graph->first = op;
        graph->last = op;
        graph->nodes++;
        return 0;
    }
    if (stream == &legacy_stream) {
        CUresult code = legacy_in_capture("work on the legacy stream");
        if (code) return code;
        run_all(false);
        execute(op);
        stream->done = ++stream->enqueued;
        return poisoned;
    }
    op->number = ++stream->enqueued;
    if (stream->last) stream->last->next = op;
    else stream->first = op;
    stream->last = op;
    return 0;
}

CUresult cuStreamCreateWithPriority(CUstream *handle, unsigned flags, int priority) {
    ENTER;
    NEED_CONTEXT;
    Stream *made = calloc(1, sizeof *made);
    made->number = ++stream_count;
    made->blocking = !(flags & CU_STREAM_NON_BLOCKING);
    made->next = streams;
    streams = made;
    *handle = (CUstream)made;
    RETURN(0);
}

CUresult cuStreamCreate(CUstream *handle, unsigned flags) {
    return cuStreamCreateWithPriority(handle, flags, 0);
}

CUresult cuStreamDestroy_v2(CUstream handle) {
    ENTER;
    Stream *stream = stream_of(handle);
    if (!stream || stream == &legacy_stream) {
        violation("a stream is destroyed that is none");
        RETURN(CUDA_ERROR_INVALID_HANDLE);
    }
    run_until(stream, stream->enqueued);
    stream->dead = true;
    RETURN(0);
}

CUresult cuStreamSynchronize(CUstream handle) {
    ENTER;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    if (stream->capture) {
        stream->spoilt = true;
        RETURN(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    }
    UNSAFE_IN_CAPTURE;
    if (stream == &legacy_stream) run_all(false);
    else run_until(stream, stream->enqueued);
    RETURN(poisoned);
}

CUresult cuStreamGetFlags(CUstream handle, unsigned *flags) {
    LOCK;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    *flags = stream->blocking ? CU_STREAM_DEFAULT : CU_STREAM_NON_BLOCKING;
    RETURN(0);
}

CUresult cuStreamGetPriority(CUstream handle, int *priority) {
    *priority = 0;
    return 0;
}

CUresult cuStreamGetDevice(CUstream handle, CUdevice *device) {
    *device = 0;
    return 0;
}

CUresult cuStreamGetId(CUstream handle, unsigned long long *id) {
    LOCK;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    *id = stream->number;
    RETURN(0);
}

CUresult cuEventCreate(CUevent *handle, unsigned flags) {
    ENTER;
    NEED_CONTEXT;
    *handle = (CUevent)calloc(1, sizeof(Event));
    RETURN(0);
}

CUresult cuEventDestroy_v2(CUevent handle) {
    ENTER;
    ((Event *)handle)->dead = true;
    RETURN(0);
}

static bool is_alive(CUevent handle) {
    if (handle && !((Event *)handle)->dead) return true;
    violation("an event is used that is none");
    return false;
}

CUresult cuEventRecordWithFlags(CUevent handle, CUstream on, unsigned flags) {
    ENTER;
    Event *event = (Event *)handle;
    Stream *stream = stream_of(on);
    if (!is_alive(handle) || !stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    event->captured = stream->capture;
    event->stream = stream->capture ? NULL : stream;
    if (stream->capture) RETURN(stream->spoilt ? CUDA_ERROR_STREAM_CAPTURE_INVALIDATED : 0);
    CUresult code = enqueue(stream, new_op(RECORD));
    clock_gettime(CLOCK_MONOTONIC, &event->asked);
    event->number = stream->enqueued;
    RETURN(code);
}

CUresult cuEventRecord(CUevent event, CUstream stream) { return cuEventRecordWithFlags(event, stream, 0); }

CUresult cuStreamWaitEvent(CUstream handle, CUevent awaited, unsigned flags) {
    ENTER;
    Event *event = (Event *)awaited;
    Stream *stream = stream_of(handle);
    if (!is_alive(awaited) || !stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    counts.waits++;
    if (event->captured) {
        stream->capture = event->captured;
        RETURN(0);
    }
    if (stream->capture) {
        stream->spoilt = true;
        RETURN(CUDA_ERROR_STREAM_CAPTURE_ISOLATION);
    }
    if (!event->stream) RETURN(0);
    Op *op = new_op(WAIT);
    op->awaited = event->stream;
    op->awaited_number = event->number;
    RETURN(enqueue(stream, op));
}

CUresult cuEventSynchronize(CUevent handle) {
    ENTER;
    Event *event = (Event *)handle;
    if (!is_alive(handle)) RETURN(CUDA_ERROR_INVALID_HANDLE);
    if (event->captured) RETURN(CUDA_ERROR_CAPTURED_EVENT);
    UNSAFE_IN_CAPTURE;
    if (event->stream) run_until(event->stream, event->number);
    RETURN(poisoned);
}

/* Between the calls that recorded the events, as there is no GPU's clock. */
CUresult cuEventElapsedTime_v2(float *milliseconds, CUevent first, CUevent last) {
    ENTER;
    if (!is_alive(first) || !is_alive(last)) RETURN(CUDA_ERROR_INVALID_HANDLE);
    struct timespec from = ((Event *)first)->asked, to = ((Event *)last)->asked;
    *milliseconds = 1e3f * (to.tv_sec - from.tv_sec) + 1e-6f * (to.tv_nsec - from.tv_nsec);
    RETURN(0);
}

CUresult cuEventElapsedTime(float *milliseconds, CUevent first, CUevent last) {
    return cuEventElapsedTime_v2(milliseconds, first, last);
}

CUresult cuLaunchHostFunc(CUstream stream, CUhostFn call, void *data) {
    ENTER;
    Op *op = new_op(CALL);
    op->call = call;
    op->target = data;
    RETURN(enqueue(stream_of(stream), op));
}
