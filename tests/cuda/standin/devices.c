/* The one device, its context, errors by name. */
#include "standin.h"

static CUcontext the_context = (CUcontext)0xC0117E87;
static bool retained;
static __thread CUcontext stack[64];
static __thread int depth;

CUcontext current_context(void) { return depth ? stack[depth - 1] : NULL; }

CUresult cuInit(unsigned flags) { return options.init_error; }

CUresult cuDriverGetVersion(int *version) {
    *version = options.driver_version;
    return 0;
}

static const struct {
    CUresult code;
    const char *name, *text;
} errors[] = {
    {CUDA_SUCCESS, "CUDA_SUCCESS", "no error"},
    {CUDA_ERROR_INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {CUDA_ERROR_OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {CUDA_ERROR_NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {CUDA_ERROR_INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {CUDA_ERROR_INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {CUDA_ERROR_NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {CUDA_ERROR_NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {CUDA_ERROR_ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {CUDA_ERROR_LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {CUDA_ERROR_NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
     "system has unsupported display driver / cuda driver combination"},
};

static CUresult looked_up(CUresult code, const char **name, const char **text) {
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
        if (errors[i].code == code) {
            if (name) *name = errors[i].name;
            if (text) *text = errors[i].text;
            return 0;
        }
    return CUDA_ERROR_INVALID_VALUE;
}

CUresult cuGetErrorName(CUresult code, const char **name) { return looked_up(code, name, NULL); }
CUresult cuGetErrorString(CUresult code, const char **text) { return looked_up(code, NULL, text); }

CUresult cuDeviceGetCount(int *count) {
    *count = 1;
    return 0;
}

CUresult cuDeviceGet(CUdevice *device, int number) {
    *device = 0;
    return number ? CUDA_ERROR_INVALID_DEVICE : 0;
}

CUresult cuDeviceGetName(char *name, int size, CUdevice device) {
    snprintf(name, size, "stand-in");
    return 0;
}

CUresult cuDeviceGetUuid_v2(CUuuid *uuid, CUdevice device) {
    memset(uuid, 7, sizeof *uuid);
    return 0;
}

CUresult cuDeviceTotalMem_v2(size_t *bytes, CUdevice device) {
    *bytes = options.total_memory;
    return 0;
}

CUresult cuDeviceComputeCapability(int *major, int *minor, CUdevice device) {
    *major = options.capability / 10;
    *minor = options.capability % 10;
    return 0;
}

CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
    static const struct {
        CUdevice_attribute attribute;
        int value;
    } known[] = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152},
        {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 132},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
        {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
        {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
    };
    *value = 0;
    if (attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) *value = options.capability / 10;
    if (attribute == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) *value = options.capability % 10;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].attribute == attribute) *value = known[i].value;
    return 0;
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *context, CUdevice device) {
    LOCK;
    if (options.context_error) RETURN(options.context_error);
    retained = true;
    *context = the_context;
    RETURN(0);
}

CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) { return 0; }
CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) { return 0; }

CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned *flags, int *active) {
    *flags = 0;
    *active = retained;
    return 0;
}

CUresult cuCtxGetCurrent(CUcontext *context) {
    *context = current_context();
    return 0;
}

CUresult cuCtxPushCurrent_v2(CUcontext context) {
    if (context != the_context || depth == sizeof stack / sizeof *stack) return CUDA_ERROR_INVALID_CONTEXT;
    stack[depth++] = context;
    return 0;
}

CUresult cuCtxPopCurrent_v2(CUcontext *context) {
    if (!depth) return CUDA_ERROR_INVALID_CONTEXT;
    depth--;
    if (context) *context = stack[depth];
    return 0;
}

CUresult cuCtxSetCurrent(CUcontext context) {
    if (depth) depth--;
    return context ? cuCtxPushCurrent_v2(context) : 0;
}

CUresult cuCtxGetDevice(CUdevice *device) {
    *device = 0;
    return current_context() ? 0 : CUDA_ERROR_INVALID_CONTEXT;
}

CUresult cuCtxGetDevice_v2(CUdevice *device, CUcontext context) {
    *device = 0;
    return 0;
}

CUresult cuCtxGetId(CUcontext context, unsigned long long *id) {
    *id = 1;
    return 0;
}

CUresult cuCtxGetStreamPriorityRange(int *least, int *greatest) {
    *least = 0;
    *greatest = -5;
    return 0;
}

CUresult cuCtxSynchronize(void) {
    ENTER;
    NEED_CONTEXT;
    LEGACY_IN_CAPTURE;
    UNSAFE_IN_CAPTURE;
    run_all(true);
    RETURN(poisoned);
}

CUresult cuCtxSynchronize_v2(CUcontext context) { return cuCtxSynchronize(); }

CUresult cuStreamGetCtx(CUstream stream, CUcontext *context) {
    *context = the_context;
    return 0;
}

CUresult cuStreamGetCtx_v2(CUstream stream, CUcontext *context, CUgreenCtx *green) {
    *green = NULL;
    return cuStreamGetCtx(stream, context);
}
