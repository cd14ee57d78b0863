/* Capture, graphs and what they hold. */
#include "standin.h"

typedef struct {
    void *data;
    CUhostFn destroy;
    int count;
} UserObject;

CUresult unsafe_in_capture(const char *name) {
    for (Stream *each = streams; each; each = each->next) {
        bool own = pthread_equal(each->owner, pthread_self());
        bool forbidden = each->mode == CU_STREAM_CAPTURE_MODE_GLOBAL ||
                         (each->mode == CU_STREAM_CAPTURE_MODE_THREAD_LOCAL && own);
        if (each->capture && forbidden) {
            each->spoilt = true;
            say("%s during a capture", name);
            return CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED;
        }
    }
    return 0;
}

CUresult legacy_in_capture(const char *name) {
    for (Stream *each = streams; each; each = each->next)
        if (each->capture && each->blocking) {
            each->spoilt = true;
            say("%s during a capture", name);
            return CUDA_ERROR_STREAM_CAPTURE_IMPLICIT;
        }
    return 0;
}

CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode mode) {
    ENTER;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    if (stream == &legacy_stream) RETURN(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED);
    if (stream->capture) RETURN(CUDA_ERROR_ILLEGAL_STATE);
    stream->capture = calloc(1, sizeof(Graph));
    stream->mode = mode;
    stream->spoilt = false;
    stream->owner = pthread_self();
    RETURN(0);
}

CUresult cuStreamEndCapture(CUstream handle, CUgraph *made) {
    LOCK;
    Stream *stream = stream_of(handle);
    if (!stream || !stream->capture) RETURN(CUDA_ERROR_ILLEGAL_STATE);
    Graph *graph = stream->capture;
    stream->capture = NULL;
    *made = NULL;
    for (Stream *each = streams; each; each = each->next)
        if (each->capture == graph) {
            each->capture = NULL;
            stream->spoilt = true;
            say("stream %d joined a capture and never left", each->number);
        }
    if (poisoned) RETURN(poisoned);
    if (stream->spoilt) {
        stream->spoilt = false;
        RETURN(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED);
    }
    say("captured %d nodes", graph->nodes);
    counts.captures++;
    *made = (CUgraph)graph;
    RETURN(0);
}

CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus *status) {
    LOCK;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    *status = !stream->capture ? CU_STREAM_CAPTURE_STATUS_NONE
              : stream->spoilt ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                               : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    RETURN(0);
}

CUresult cuStreamGetCaptureInfo_v3(CUstream handle, CUstreamCaptureStatus *status, cuuint64_t *id,
                                   CUgraph *graph, const CUgraphNode **nodes, const CUgraphEdgeData **edges,
                                   size_t *count) {
    LOCK;
    CUresult code = cuStreamIsCapturing(handle, status);
    if (code) RETURN(code);
    if (id) *id = stream_of(handle)->number;
    if (graph) *graph = (CUgraph)stream_of(handle)->capture;
    if (nodes) *nodes = NULL;
    if (edges) *edges = NULL;
    if (count) *count = 0;
    RETURN(0);
}

CUresult cuStreamGetCaptureInfo_v2(CUstream handle, CUstreamCaptureStatus *status, cuuint64_t *id,
                                   CUgraph *graph, const CUgraphNode **nodes, size_t *count) {
    return cuStreamGetCaptureInfo_v3(handle, status, id, graph, nodes, NULL, count);
}

/* Parameters are copied when work is captured: what they hold later counts for nothing. */
static Graph *copied(Graph *graph) {
    Graph *made = calloc(1, sizeof *made);
    *made = *graph;
    made->first = made->last = NULL;
    for (Op *op = graph->first; op; op = op->next) {
        Op *own = malloc(sizeof *own);
        *own = *op;
        own->next = NULL;
        if (made->last) made->last->next = own;
        else made->first = own;
        made->last = own;
    }
    for (int i = 0; i < made->object_count; i++)
        ((UserObject *)made->objects[i])->count++;
    return made;
}

CUresult cuGraphInstantiateWithParams(CUgraphExec *made, CUgraph graph,
                                      CUDA_GRAPH_INSTANTIATE_PARAMS *parameters) {
    ENTER;
    *made = (CUgraphExec)copied((Graph *)graph);
    parameters->result_out = CUDA_GRAPH_INSTANTIATE_SUCCESS;
    RETURN(0);
}

CUresult cuGraphInstantiateWithFlags(CUgraphExec *made, CUgraph graph, unsigned long long flags) {
    ENTER;
    *made = (CUgraphExec)copied((Graph *)graph);
    RETURN(0);
}

CUresult cuGraphUpload(CUgraphExec graph, CUstream stream) { return 0; }

CUresult cuGraphLaunch(CUgraphExec graph, CUstream handle) {
    ENTER;
    Stream *stream = stream_of(handle);
    if (!stream) RETURN(CUDA_ERROR_INVALID_HANDLE);
    counts.graph_launches++;
    Op *op = new_op(GRAPH);
    op->graph = (Graph *)graph;
    RETURN(enqueue(stream, op));
}

static void release(UserObject *object, int count) {
    object->count -= count;
    if (object->count < 0) violation("an object of a graph is released too often");
    if (!object->count) object->destroy(object->data);
}

static void release_all(Graph *graph) {
    while (graph->object_count)
        release(graph->objects[--graph->object_count], 1);
}

CUresult cuGraphDestroy(CUgraph graph) {
    LOCK;
    release_all((Graph *)graph);
    RETURN(0);
}

CUresult cuGraphExecDestroy(CUgraphExec graph) {
    LOCK;
    run_all(true);
    release_all((Graph *)graph);
    RETURN(0);
}

CUresult cuUserObjectCreate(CUuserObject *made, void *data, CUhostFn destroy, unsigned count,
                            unsigned flags) {
    ENTER;
    UserObject *object = calloc(1, sizeof *object);
    *object = (UserObject){data, destroy, count};
    *made = (CUuserObject)object;
    RETURN(0);
}

CUresult cuUserObjectRetain(CUuserObject object, unsigned count) {
    ENTER;
    ((UserObject *)object)->count += count;
    RETURN(0);
}

CUresult cuUserObjectRelease(CUuserObject object, unsigned count) {
    LOCK;
    release((UserObject *)object, count);
    RETURN(0);
}

CUresult cuGraphRetainUserObject(CUgraph handle, CUuserObject object, unsigned count, unsigned flags) {
    ENTER;
    Graph *graph = (Graph *)handle;
    if (graph->object_count == sizeof graph->objects / sizeof *graph->objects)
        RETURN(CUDA_ERROR_OUT_OF_MEMORY);
    if (!(flags & CU_GRAPH_USER_OBJECT_MOVE)) ((UserObject *)object)->count += count;
    graph->objects[graph->object_count++] = object;
    RETURN(0);
}

CUresult cuGraphReleaseUserObject(CUgraph handle, CUuserObject object, unsigned count) {
    LOCK;
    Graph *graph = (Graph *)handle;
    for (int i = 0; i < graph->object_count; i++)
        if (graph->objects[i] == (void *)object) {
            graph->objects[i] = graph->objects[--graph->object_count];
            break;
        }
    release((UserObject *)object, count);
    RETURN(0);
}
