/* What the environment asks for, the log, what is counted. */
#include "standin.h"
#include <stdarg.h>

Options options = {.total_memory = 80ull << 30, .fail_launch = -1, .capability = 90, .driver_version = 13000};
Counts counts;
pthread_mutex_t lock;
CUresult poisoned;
static FILE *log_file;

static long number(const char *name, long otherwise) {
    const char *value = getenv(name);
    return value ? atol(value) : otherwise;
}

/* "lazy", "others-first", or a number, from which an order is drawn. */
void standin_set_order(const char *name) {
    options.order = !strcmp(name, "lazy") ? LAZY : !strcmp(name, "others-first") ? OTHERS_FIRST : RANDOM;
    options.seed = atoll(name) * 2654435761u + 88172645463325252ull;
}

__attribute__((constructor)) static void begin(void) {
    pthread_mutexattr_t attributes;
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&lock, &attributes);
    const char *path = getenv("STANDIN_LOG"), *order = getenv("STANDIN_ORDER");
    if (path) log_file = fopen(path, "a");
    options.total_memory = (size_t)number("STANDIN_MEMORY_MB", options.total_memory >> 20) << 20;
    options.fail_launch = number("STANDIN_FAIL_LAUNCH", options.fail_launch);
    options.init_error = number("STANDIN_INIT", 0);
    options.context_error = number("STANDIN_CONTEXT", 0);
    options.capability = number("STANDIN_CAPABILITY", options.capability);
    options.driver_version = number("STANDIN_DRIVER", options.driver_version);
    if (order) standin_set_order(order);
}

static const struct {
    const char *name;
    long *count;
} counted[] = {
    {"launches", &counts.launches},
    {"launch_calls", &counts.launch_calls},
    {"graph_launches", &counts.graph_launches},
    {"captures", &counts.captures},
    {"kernels_in_graphs", &counts.kernels_in_graphs},
    {"copies_in", &counts.copies_in},
    {"pinned_copies_in", &counts.pinned_copies_in},
    {"copies_out", &counts.copies_out},
    {"waits", &counts.waits},
    {"allocations", &counts.allocations},
    {"violations", &counts.violations},
};

/* What has been counted so far by a name of the log's last line; -1: there is no such name. */
long standin_count(const char *name) {
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        if (!strcmp(counted[i].name, name)) return *counted[i].count;
    return -1;
}

__attribute__((destructor)) static void end(void) {
    char line[1000] = "END";
    for (size_t i = 0; i < sizeof counted / sizeof *counted; i++)
        snprintf(line + strlen(line), sizeof line - strlen(line), " %s=%ld", counted[i].name, *counted[i].count);
    say("%s", line);
}

void say(const char *format, ...) {
    if (!log_file) return;
    va_list list;
    va_start(list, format);
    vfprintf(log_file, format, list);
    va_end(list);
    fputc('\n', log_file);
    fflush(log_file);
}

/* What no driver would have to bear. */
void violation(const char *format, ...) {
    char text[600];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    counts.violations++;
    fprintf(stderr, "stand-in driver: violation: %s\n", text);
    say("violation: %s", text);
}

CUresult leave(const char *name, CUresult code) {
    if (code && code != CUDA_ERROR_NOT_READY) say("%s -> %d", name, code);
    pthread_mutex_unlock(&lock);
    return code;
}
