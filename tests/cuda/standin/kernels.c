/* Machine code, and launches of what is in it: which parameters a kernel has is written in its cubin's
 * .nv.info. */
#include "standin.h"
#include <elf.h>

/* Of Hopper: 227 KiB of a block, and one that it takes for itself. */
enum { MOST_SHARED = 228 * 1024 };

typedef struct {
    char *image;
    size_t size;
    Function *functions;
    int count;
} Library;

typedef CUresult Callback(Function *function, const unsigned *grid, unsigned threads, unsigned shared,
                          const char *parameters);
static Callback *callback;

void standin_set_callback(Callback *given) { callback = given; }
const char *standin_name(Function *function) { return function->name; }
size_t standin_parameter_bytes(Function *function) { return function->parameter_bytes; }
int standin_parameters(Function *function, size_t **offsets, size_t **sizes) {
    *offsets = function->offsets;
    *sizes = function->sizes;
    return function->count;
}
const char *standin_image(Function *function, size_t *size) {
    *size = function->image_size;
    return function->image;
}

void execute_kernel(Op *op) {
    Function *function = op->function;
    if (++counts.launches == options.fail_launch) poisoned = CUDA_ERROR_ILLEGAL_ADDRESS;
    if (poisoned) return;
    for (int i = 0; i < function->count; i++) {
        void *at = function->sizes[i] == 8 ? *(void **)(op->parameters + function->offsets[i]) : NULL;
        if (in_device_memory(at) && !is_allocated(at, 1))
            violation("%s: argument %d is freed", function->name, i);
    }
    if (callback) poisoned = callback(function, op->grid, op->block[0], op->shared, op->parameters);
}

static size_t image_size(const char *image) {
    const Elf64_Ehdr *header = (const void *)image;
    size_t sections = header->e_shoff + header->e_shnum * (size_t)header->e_shentsize;
    size_t programs = header->e_phoff + header->e_phnum * (size_t)header->e_phentsize;
    return sections > programs ? sections : programs;
}

/* A row of records: how its value is given, what it is, and the value or its length. */
static void read_attributes(Function *function, const char *at, size_t size) {
    enum { WITH_LENGTH = 4, MAX_THREADS = 0x05, PARAMETER = 0x17, PARAMETER_BYTES = 0x19 };
    function->offsets = calloc(256, sizeof(size_t));
    function->sizes = calloc(256, sizeof(size_t));
    for (size_t i = 0; i + 4 <= size;) {
        unsigned format = (uint8_t)at[i], kind = (uint8_t)at[i + 1], value = *(uint16_t *)(at + i + 2);
        const char *data = at + i + 4;
        i += 4 + (format == WITH_LENGTH ? value : 0);
        if (format == WITH_LENGTH && kind == PARAMETER) {
            int place = *(uint16_t *)(data + 4);
            function->offsets[place] = *(uint16_t *)(data + 6);
            function->sizes[place] = *(uint32_t *)(data + 8) >> 18;
            if (place >= function->count) function->count = place + 1;
        } else if (format == WITH_LENGTH && kind == MAX_THREADS)
            function->max_threads = *(uint32_t *)data * *(uint32_t *)(data + 4) * *(uint32_t *)(data + 8);
        else if (kind == PARAMETER_BYTES) function->parameter_bytes = value;
    }
    for (int i = 0; i < function->count; i++) {
        size_t end = function->offsets[i] + function->sizes[i];
        if (end > function->parameter_bytes) function->parameter_bytes = end;
    }
}

static void read_functions(Library *library) {
    const Elf64_Ehdr *header = (void *)library->image;
    const Elf64_Shdr *sections = (void *)(library->image + header->e_shoff);
    const char *names = library->image + sections[header->e_shstrndx].sh_offset;
    library->functions = calloc(header->e_shnum, sizeof *library->functions);
    for (int i = 0; i < header->e_shnum; i++) {
        const char *name = names + sections[i].sh_name;
        if (strncmp(name, ".text.", 6)) continue;
        Function *function = &library->functions[library->count++];
        *function = (Function){strdup(name + 6), library->image, library->size, .max_threads = 1024};
        for (int j = 0; j < header->e_shnum; j++) {
            const char *other = names + sections[j].sh_name;
            if (!strncmp(other, ".nv.info.", 9) && !strcmp(other + 9, function->name))
                read_attributes(function, library->image + sections[j].sh_offset, sections[j].sh_size);
            if (!strncmp(other, ".nv.shared.", 11) && !strcmp(other + 11, function->name))
                function->shared = sections[j].sh_size;
        }
    }
}

CUresult cuLibraryLoadData(CUlibrary *made, const void *code, CUjit_option *jit_options, void **jit_values,
                           unsigned jit_count, CUlibraryOption *library_options, void **values,
                           unsigned count) {
    ENTER;
    if (memcmp(code, ELFMAG, 4)) RETURN(CUDA_ERROR_INVALID_IMAGE);
    Library *library = calloc(1, sizeof *library);
    library->size = image_size(code);
    library->image = malloc(library->size);
    memcpy(library->image, code, library->size);
    read_functions(library);
    *made = (CUlibrary)library;
    RETURN(0);
}

CUresult cuLibraryUnload(CUlibrary library) {
    LOCK;
    run_all(true);
    RETURN(0);
}

CUresult cuLibraryGetKernel(CUkernel *kernel, CUlibrary handle, const char *name) {
    ENTER;
    Library *library = (Library *)handle;
    for (int i = 0; i < library->count; i++)
        if (!strcmp(library->functions[i].name, name)) {
            *kernel = (CUkernel)&library->functions[i];
            RETURN(0);
        }
    RETURN(CUDA_ERROR_NOT_FOUND);
}

CUresult cuKernelGetFunction(CUfunction *function, CUkernel kernel) {
    *function = (CUfunction)kernel;
    return 0;
}

CUresult cuFuncGetAttribute(int *value, CUfunction_attribute attribute, CUfunction handle) {
    Function *function = (Function *)handle;
    *value = attribute == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? function->max_threads
             : attribute == CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES   ? function->shared
                                                                  : 0;
    return 0;
}

/* Bytes that launches may ask for: 48 KiB with what a kernel has itself, unless it was said before. */
CUresult cuKernelSetAttribute(CUfunction_attribute attribute, int value, CUkernel kernel, CUdevice device) {
    ENTER;
    Function *function = (Function *)kernel;
    if (attribute != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) RETURN(CUDA_ERROR_NOT_SUPPORTED);
    if (value < 0 || value + function->shared > MOST_SHARED) RETURN(CUDA_ERROR_INVALID_VALUE);
    function->most_asked = value;
    RETURN(0);
}

CUresult cuKernelGetAttribute(int *value, CUfunction_attribute attribute, CUkernel kernel, CUdevice device) {
    return cuFuncGetAttribute(value, attribute, (CUfunction)kernel);
}

CUresult cuKernelGetParamInfo(CUkernel kernel, size_t place, size_t *offset, size_t *size) {
    Function *function = (Function *)kernel;
    if ((int)place >= function->count) return CUDA_ERROR_INVALID_VALUE;
    if (offset) *offset = function->offsets[place];
    if (size) *size = function->sizes[place];
    return 0;
}

CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned x,
                        unsigned y, unsigned z, unsigned shared, CUstream on, void **arguments,
                        void **extra) {
    ENTER;
    NEED_CONTEXT;
    Function *function = (Function *)handle;
    Stream *stream = stream_of(on);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    bool grid_fits =
        grid_x && grid_y && grid_z && grid_x <= 2147483647u && grid_y <= 65535 && grid_z <= 65535;
    unsigned most_shared = function->most_asked ? function->most_asked + function->shared : 50176;
    if (!grid_fits || !x || !y || !z || x * y * z > function->max_threads ||
        shared + function->shared > most_shared) {
        violation("%s: %ux%ux%u blocks of %ux%ux%u threads and %u bytes", function->name, grid_x, grid_y,
                  grid_z, x, y, z, shared + function->shared);
        RETURN(CUDA_ERROR_INVALID_VALUE);
    }
    Op *op = new_op(KERNEL);
    op->function = function;
    memcpy(op->grid, (unsigned[]){grid_x, grid_y, grid_z}, sizeof op->grid);
    op->shared = shared;
    memcpy(op->block, (unsigned[]){x, y, z}, sizeof op->block);
    op->parameters = calloc(1, function->parameter_bytes + 8);
    for (int i = 0; i < function->count; i++)
        memcpy(op->parameters + function->offsets[i], arguments[i], function->sizes[i]);
    counts.launch_calls += !stream->capture;
    RETURN(enqueue(stream, op));
}

CUresult cuLaunchKernelEx(const CUlaunchConfig *how, CUfunction function, void **arguments, void **extra) {
    return cuLaunchKernel(function, how->gridDimX, how->gridDimY, how->gridDimZ, how->blockDimX,
                          how->blockDimY, how->blockDimZ, how->sharedMemBytes, how->hStream, arguments,
                          extra);
}
