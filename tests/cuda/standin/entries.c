/* Every function by its name, as the bindings ask for them; those that are not here print their names when
 * called. */
#define _GNU_SOURCE
#include "standin.h"
#include <dlfcn.h>

/* Names that older ones are asked for by too: from which CUDA on which function is meant. */
static const struct {
    const char *name;
    int since;
    const char *symbol;
} versions[] = {
    {"cuCtxGetDevice", 13000, "cuCtxGetDevice_v2"},
    {"cuCtxGetDevice", 0, "cuCtxGetDevice"},
    {"cuCtxSynchronize", 13000, "cuCtxSynchronize_v2"},
    {"cuCtxSynchronize", 0, "cuCtxSynchronize"},
    {"cuStreamGetCaptureInfo", 12030, "cuStreamGetCaptureInfo_v3"},
    {"cuStreamGetCaptureInfo", 0, "cuStreamGetCaptureInfo_v2"},
    {"cuStreamGetCtx", 12050, "cuStreamGetCtx_v2"},
    {"cuStreamGetCtx", 0, "cuStreamGetCtx"},
};

static const char *missing_names[02000];
static int missing_count;

static CUresult missing(int number) {
    fprintf(stderr, "stand-in driver: %s is not there\n", missing_names[number]);
    return CUDA_ERROR_NOT_SUPPORTED;
}

/* A function for each name, numbered in octal: what is called knows only where it is. */
#define ONES(make, n) make(n##0) make(n##1) make(n##2) make(n##3) make(n##4) make(n##5) make(n##6) make(n##7)
#define EIGHTS(make, n)                                                                                      \
    ONES(make, n##0)                                                                                         \
    ONES(make, n##1)                                                                                         \
    ONES(make, n##2) ONES(make, n##3) ONES(make, n##4) ONES(make, n##5) ONES(make, n##6) ONES(make, n##7)
#define ALL(make)                                                                                            \
    EIGHTS(make, 0)                                                                                          \
    EIGHTS(make, 1)                                                                                          \
    EIGHTS(make, 2) EIGHTS(make, 3) EIGHTS(make, 4) EIGHTS(make, 5) EIGHTS(make, 6) EIGHTS(make, 7)          \
        EIGHTS(make, 10) EIGHTS(make, 11) EIGHTS(make, 12) EIGHTS(make, 13) EIGHTS(make, 14)                 \
            EIGHTS(make, 15) EIGHTS(make, 16) EIGHTS(make, 17)
#define FUNCTION(n)                                                                                          \
    static CUresult missing_##n(void) { return missing(0##n); }
#define NAME(n) missing_##n,
ALL(FUNCTION)
static CUresult (*const missing_functions[])(void) = {ALL(NAME)};

static void *stub(const char *name) {
    int number = 0;
    while (number < missing_count && strcmp(missing_names[number], name))
        number++;
    if (number == sizeof missing_names / sizeof *missing_names) {
        fprintf(stderr, "stand-in driver: no room for %s\n", name);
        abort();
    }
    if (number == missing_count) missing_names[missing_count++] = strdup(name);
    return (void *)missing_functions[number];
}

static void *found(const char *name, int version) {
    char newer[128];
    Dl_info self;
    dladdr((void *)cuInit, &self);
    void *library = dlopen(self.dli_fname, RTLD_LAZY | RTLD_NOLOAD), *function;
    for (size_t i = 0; i < sizeof versions / sizeof *versions; i++)
        if (!strcmp(versions[i].name, name) && version >= versions[i].since)
            return dlsym(library, versions[i].symbol);
    snprintf(newer, sizeof newer, "%s_v2", name);
    function = dlsym(library, newer);
    return function ? function : dlsym(library, name);
}

CUresult cuGetProcAddress_v2(const char *name, void **function, int version, cuuint64_t flags,
                             CUdriverProcAddressQueryResult *status) {
    LOCK;
    bool too_new = version > options.driver_version;
    if (status) *status = too_new ? CU_GET_PROC_ADDRESS_VERSION_NOT_SUFFICIENT : CU_GET_PROC_ADDRESS_SUCCESS;
    *function = too_new ? NULL : found(name, version);
    if (!too_new && !*function) *function = stub(name);
    pthread_mutex_unlock(&lock);
    return too_new ? CUDA_ERROR_NOT_FOUND : 0;
}

CUresult cuGetProcAddress(const char *name, void **function, int version, cuuint64_t flags) {
    return cuGetProcAddress_v2(name, function, version, flags, NULL);
}
