/* What the parts of the stand-in for NVIDIA's driver share. "Device memory" is host memory in one reserved
 * range. Asynchronous work is queued and runs as late as may be, or in an order that is asked for: whoever
 * forgets to wait gets wrong numbers. Kernels are handed to whoever has set a callback, and otherwise do
 * nothing.
 *
 * options.c   what the environment asks for, the log, what is counted
 * devices.c   the one device, its context, errors by name
 * memory.c    of the device and pinned, copies
 * streams.c   streams, events, and when their work runs
 * graphs.c    capture, graphs and what they hold
 * kernels.c   machine code, and launches of what is in it
 * entries.c   every function by its name; those that are not here
 */
#define __CUDA_API_VERSION_INTERNAL
#include <cuda.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
    size_t total_memory;
    long fail_launch;
    int init_error, context_error, capability, driver_version;
    enum { LAZY, OTHERS_FIRST, RANDOM } order;
    uint64_t seed;
} Options;
extern Options options;

typedef struct {
    long launches, launch_calls, graph_launches, captures, kernels_in_graphs, copies_in, pinned_copies_in, copies_out,
        waits, allocations, violations;
} Counts;
extern Counts counts;

void standin_set_order(const char *name);
long standin_count(const char *name);
void say(const char *format, ...);
void violation(const char *format, ...);

/* One lock for everything: what matters is in which order work runs, not how fast. */
extern pthread_mutex_t lock;
/* The error that a kernel ended with: all that follows gets it, as on a GPU. */
extern CUresult poisoned;
CUresult leave(const char *name, CUresult code);
#define LOCK pthread_mutex_lock(&lock)
#define RETURN(code) return leave(__func__, code)
#define ENTER                                                                                                \
    LOCK;                                                                                                    \
    if (poisoned) RETURN(poisoned)
#define NEED_CONTEXT                                                                                         \
    if (!current_context()) RETURN(CUDA_ERROR_INVALID_CONTEXT)

CUcontext current_context(void);

bool in_device_memory(const void *at);
bool is_allocated(const void *at, size_t size);

typedef struct Stream Stream;
typedef struct Op Op;
typedef struct Graph Graph;
typedef struct Function Function;

struct Function {
    char *name;
    const char *image;
    size_t image_size, parameter_bytes;
    int count;
    size_t *offsets, *sizes;
    unsigned max_threads, shared, most_asked;
};

/* Work of a stream. */
struct Op {
    enum { COPY, SET, KERNEL, RECORD, WAIT, GRAPH, CALL } kind;
    Op *next;
    uint64_t number;
    void *target, *staged;
    const void *source;
    size_t size;
    int value;
    Function *function;
    unsigned grid[3], block[3], shared;
    char *parameters;
    Stream *awaited;
    uint64_t awaited_number;
    Graph *graph;
    CUhostFn call;
};

struct Stream {
    int number;
    bool blocking, dead, spoilt;
    Op *first, *last;
    uint64_t enqueued, done;
    Graph *capture;
    CUstreamCaptureMode mode;
    pthread_t owner;
    Stream *next;
};

struct Graph {
    Op *first, *last;
    int nodes;
    void *objects[16];
    int object_count;
};

extern Stream *streams, legacy_stream;
Stream *stream_of(CUstream handle);
Op *new_op(int kind);
CUresult enqueue(Stream *stream, Op *op);
void run_until(Stream *stream, uint64_t number);
void run_all(bool non_blocking_too);
void execute(Op *op);
void execute_kernel(Op *op);

/* An error while something is captured: for what waits or allocates, and for what uses the legacy stream. */
CUresult unsafe_in_capture(const char *name);
CUresult legacy_in_capture(const char *name);
#define RETURN_IF_ERROR(call)                                                                                \
    do {                                                                                                     \
        CUresult code_ = (call);                                                                             \
        if (code_) RETURN(code_);                                                                            \
    } while (0)
#define UNSAFE_IN_CAPTURE RETURN_IF_ERROR(unsafe_in_capture(__func__))
#define LEGACY_IN_CAPTURE RETURN_IF_ERROR(legacy_in_capture(__func__))
