//===- PlanOps.td - Operations of the plan dialect --------------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_PLAN_IR_PLANOPS
#define FLEET_DIALECTS_PLAN_IR_PLANOPS

include "dialects/Plan/IR/PlanDialect.td"
include "mlir/IR/OpBase.td"
include "mlir/IR/SymbolInterfaces.td"
include "mlir/IR/BuiltinAttributes.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

class Plan_Op<string mnemonic, list<Trait> traits = []>
    : Op<Plan_Dialect, mnemonic, traits>;

class Plan_FunctionBodyOp<string mnemonic, list<Trait> traits = []>
    : Plan_Op<mnemonic, traits # [HasParent<"FunctionOp">]>;

//===----------------------------------------------------------------------===//
// A program and what it declares
//===----------------------------------------------------------------------===//

def Plan_ProgramOp : Plan_Op<"program",
    [IsolatedFromAbove, SymbolTable, Symbol, SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "what one process executes";
  let description = [{
    Holds the states, servers, kernels and functions of one process. The op is
    a symbol table; states, kernels and functions are its symbols. The role is
    one of `local`, `trainer` and `pserver`.

    Example:

    ```mlir
    plan.program @trainer role = "trainer" {
      plan.state @w : memref<13x1xf32> init = #optim.constant<0.0>
      plan.function @main {
        %x = plan.input 0 "x" : memref<?x13xf32>
        plan.return
      }
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrAttr:$role);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$sym_name `role` `=` $role attr-dict-with-keyword $body";
  let hasRegionVerifier = 1;
}

def Plan_StateOp : Plan_Op<"state", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "a tensor that outlives a step";
  let description = [{
    A parameter, or with `of` the state of an optimizer for it. `origin` names
    the whole tensor that this one holds rows of, when it is a slice. Checkpoints
    hold nothing of one that is `transient`.

    Example:

    ```mlir
    plan.state @w : memref<13x1xf32> init = #optim.uniform<low = -0.5, high = 0.5>
    plan.state @"w/velocity" of "w" slot "velocity" : memref<13x1xf32> init = #optim.constant<0.0>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeMemRef>:$type,
                       AnyAttr:$init, OptionalAttr<StrAttr>:$state_of,
                       OptionalAttr<StrAttr>:$slot, OptionalAttr<AnyAttr>:$origin,
                       UnitAttr:$transient);
  let assemblyFormat = [{
    $sym_name (`of` $state_of^ `slot` $slot)? `:` $type `init` `=` $init
    (`origin` `=` $origin^)? (`transient` $transient^)? attr-dict
  }];
}

def Plan_ServerOp : Plan_Op<"server", [HasParent<"ProgramOp">, NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "a parameter server of the job and the blocks it owns";
  let description = [{
    Servers are numbered in the order of their appearance, and so are the
    blocks in each. Trainers and the server itself hold the same list.

    Example:

    ```mlir
    plan.server "127.0.0.1:6170" {
      plan.block "w" : memref<13x1xf32>
    }
    ```
  }];
  let arguments = (ins StrAttr:$endpoint);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$endpoint attr-dict-with-keyword $body";
}

def Plan_BlockOp : Plan_Op<"block", [HasParent<"ServerOp">]> {
  let summary = "a parameter, or rows of one, owned by a server";
  let description = [{
    The unit in which gradients are pushed and parameters are pulled.

    Example:

    ```mlir
    plan.block "w.block0" : memref<7x1xf32>
    ```
  }];
  let arguments = (ins StrAttr:$name, TypeAttrOf<AnyStaticShapeMemRef>:$type);
  let assemblyFormat = "$name `:` $type attr-dict";
}

def Plan_GroupOp : Plan_Op<"group", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "trainers that call collectives together";
  let description = [{
    All, or of several groups of `size` whose members' ranks are `stride` apart the
    one that the process is in.

    Example:

    ```mlir
    plan.group @world size = 4
    plan.group @intra size = 2 stride = 1
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$size,
                       DefaultValuedAttr<I64Attr, "0">:$stride);
  let assemblyFormat = "$sym_name `size` `=` $size (`stride` `=` $stride^)? attr-dict";
}

def Plan_BucketOp : Plan_Op<"bucket", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "memory that collectives work on";
  let description = [{
    The same on all ranks. Buffers lie in it (`plan.in_bucket`); what is between
    them is zero.

    Example:

    ```mlir
    plan.bucket @bucket_0 : memref<32xf32>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, TypeAttrOf<AnyStaticShapeMemRef>:$type);
  let assemblyFormat = "$sym_name `:` $type attr-dict";
  let hasVerifier = 1;
}

def Plan_KernelOp : Plan_Op<"kernel", [Symbol, HasParent<"ProgramOp">]> {
  let summary = "a function of the kernel library";
  let description = [{
    Declares a compiled kernel: how many buffers it takes, whether disjoint row
    ranges of it may run at the same time, and its estimated cost of one row.

    Example:

    ```mlir
    plan.kernel @main_k0 operands = 4 splittable flops = 26 bytes = 60
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, I64Attr:$num_operands,
                       UnitAttr:$splittable, I64Attr:$flops, I64Attr:$bytes);
  let assemblyFormat = [{
    $sym_name `operands` `=` $num_operands (`splittable` $splittable^)?
    `flops` `=` $flops `bytes` `=` $bytes attr-dict
  }];
}

def Plan_FunctionOp : Plan_Op<"function",
    [IsolatedFromAbove, Symbol, HasParent<"ProgramOp">, SingleBlock, NoRegionArguments,
     SingleBlockImplicitTerminator<"ReturnOp">]> {
  let summary = "a straight-line sequence of instructions";
  let description = [{
    Buffers are declared by ops without side effects (`plan.input`,
    `plan.state_ref`, `plan.temporary`, `plan.constant`); instructions run in the
    order in which they stand. With `every`, the function runs whenever the number
    of steps so far is a multiple of it, with `begin` also after each step up to
    that one, and once at the end. If it has an output, that is the number of steps
    until it runs next.

    Example:

    ```mlir
    plan.function @main {
      %x = plan.input 0 "x" : memref<?x13xf32>
      %w = plan.state_ref @w : memref<13x1xf32>
      %p = plan.temporary slot 0 : memref<?x1xf32>
      plan.matmul %x, %w, %p : memref<?x13xf32>, memref<13x1xf32>, memref<?x1xf32>
      plan.return
    }
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, DefaultValuedAttr<I64Attr, "0">:$num_slots,
                       DefaultValuedAttr<I64Attr, "0">:$every,
                       DefaultValuedAttr<I64Attr, "0">:$begin);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = [{
    $sym_name (`slots` `=` $num_slots^)? (`every` `=` $every^)?
    (`begin` `=` $begin^)? attr-dict-with-keyword $body
  }];
  let hasRegionVerifier = 1;
}

def Plan_ReturnOp : Plan_FunctionBodyOp<"return", [Terminator]> {
  let summary = "ends a plan function";
  let description = [{
    The terminator of every `plan.function`.

    Example:

    ```mlir
    plan.return
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Plan_ServiceOp : Plan_Op<"service", [HasParent<"ProgramOp">, NoTerminator, SingleBlock, NoRegionArguments]> {
  let summary = "which server this process is, and what it does with each block";
  let description = [{
    One handler a block of server number `server`.

    Example:

    ```mlir
    plan.service 0 {
      plan.handler 0 state @w update @update_w
    }
    ```
  }];
  let arguments = (ins I64Attr:$server);
  let regions = (region SizedRegion<1>:$body);
  let assemblyFormat = "$server attr-dict-with-keyword $body";
}

def Plan_HandlerOp : Plan_Op<"handler", [HasParent<"ServiceOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "applies the merged gradient of a block";
  let description = [{
    When the gradients of block number `block` have been merged, `function` runs
    with the result as its input 0; afterwards `state` is what trainers receive.
    With `part`, that function runs first, and its output goes to the trainers;
    `function` runs when the sum that they agree on has come, its input 1.

    Example:

    ```mlir
    plan.handler 0 state @w update @update_w
    plan.handler 1 state @b part @part_b update @update_b
    ```
  }];
  let arguments = (ins I64Attr:$block, FlatSymbolRefAttr:$state,
                       OptionalAttr<FlatSymbolRefAttr>:$part, FlatSymbolRefAttr:$function);
  let assemblyFormat = "$block `state` $state (`part` $part^)? `update` $function attr-dict";
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

def Plan_InputOp : Plan_FunctionBodyOp<"input", [Pure]> {
  let summary = "a buffer bound to a column of the data, or to an argument";
  let description = [{
    `argument` is its position among the inputs of the function; `name` is what
    `--data` binds. Elements of an input with a bound are numbers of rows: from
    0 to below it, which is checked when data is loaded.

    Example:

    ```mlir
    %x = plan.input 0 "x" : memref<?x13xf32>
    %ids = plan.input 1 "ids" below 1000 : memref<?x1xi64>
    ```
  }];
  let arguments = (ins I64Attr:$argument, StrAttr:$name,
                       OptionalAttr<I64Attr>:$upper_bound);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = [{
    $argument $name (`below` $upper_bound^)? attr-dict `:` type($result)
  }];
  let hasVerifier = 1;
}

def Plan_StateRefOp : Plan_FunctionBodyOp<"state_ref",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "the memory of a state";
  let description = [{
    Example:

    ```mlir
    %w = plan.state_ref @w : memref<13x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$state);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$state attr-dict `:` type($result)";
}

def Plan_TemporaryOp : Plan_FunctionBodyOp<"temporary", [DeclareOpInterfaceMethods<MemoryEffectsOpInterface>]> {
  let summary = "a buffer that lives within one run of the function";
  let description = [{
    `slot` is its place in the arena of the function, once
    `plan-assign-buffers` has run: buffers whose lifetimes do not overlap share
    one. A slot is as large as its largest buffer.

    Example:

    ```mlir
    %h = plan.temporary slot 0 : memref<?x128xf32>
    ```
  }];
  let arguments = (ins OptionalAttr<I64Attr>:$slot);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "(`slot` $slot^)? attr-dict `:` type($result)";
}

def Plan_ConstantOp : Plan_FunctionBodyOp<"constant", [Pure]> {
  let summary = "a buffer with constant contents";
  let description = [{
    Example:

    ```mlir
    %mean = plan.constant dense<[1.0, 2.0]> : tensor<2xf32> as memref<2xf32>
    ```
  }];
  let arguments = (ins ElementsAttr:$value);
  let results = (outs AnyMemRef:$result);
  let assemblyFormat = "$value `as` type($result) attr-dict";
  let hasVerifier = 1;
}

def Plan_InBucketOp : Plan_FunctionBodyOp<"in_bucket",
    [Pure, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "a buffer in a bucket";
  let description = [{
    It has its place in memory that a collective works on, from element `at` on; or
    with `part_of`, as many times its own elements further on as the process' rank
    in that group.

    Example:

    ```mlir
    %dw = plan.in_bucket @bucket_0 at 16 : memref<13x1xf32>
    %part = plan.in_bucket @bucket_0 at 16 part_of @world : memref<7xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$bucket, I64Attr:$offset,
                       OptionalAttr<FlatSymbolRefAttr>:$part_of);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$bucket `at` $offset (`part_of` $part_of^)? attr-dict `:` type($result)";
}

def Plan_ExamplesOp : Plan_FunctionBodyOp<"examples", [Pure]> {
  let summary = "a scalar that says how many rows the step has";
  let description = [{
    `own`, `all` or `share`, see `fleet.examples`.

    Example:

    ```mlir
    %share = plan.examples "share" : memref<f32>
    ```
  }];
  let arguments = (ins StrAttr:$kind);
  let results = (outs AnyStaticShapeMemRef:$result);
  let assemblyFormat = "$kind attr-dict `:` type($result)";
  let hasVerifier = 1;
}

//===----------------------------------------------------------------------===//
// Instructions
//===----------------------------------------------------------------------===//

def Plan_LaunchOp : Plan_FunctionBodyOp<"launch", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "runs a kernel of the library";
  let description = [{
    Operands are the kernel's buffers, inputs first, then the `outputs` last
    ones, which it writes. `inplace` lists the inputs that it overwrites. `rows`
    is the extent of its iteration space; -1 stands for the batch.

    Example:

    ```mlir
    plan.launch @main_k0(%x, %w, %p) outputs = 1 inplace = [] rows = -1
      : memref<?x13xf32>, memref<13x1xf32>, memref<?x1xf32>
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$kernel, Variadic<AnyMemRef>:$buffers,
                       I64Attr:$num_outputs, DenseI64ArrayAttr:$inplace, I64Attr:$rows);
  let assemblyFormat = [{
    $kernel `(` $buffers `)` `outputs` `=` $num_outputs `inplace` `=` $inplace
    `rows` `=` $rows attr-dict `:` type($buffers)
  }];
}

def Plan_MatMulOp : Plan_FunctionBodyOp<"matmul"> {
  let summary = "out = op(a) . op(b), by library call";
  let description = [{
    Example:

    ```mlir
    plan.matmul transpose_a %x, %g, %dw : memref<?x32xf32>, memref<?x128xf32>, memref<32x128xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$a, AnyMemRef:$b, AnyMemRef:$out,
                       UnitAttr:$transpose_a, UnitAttr:$transpose_b);
  let assemblyFormat = [{
    (`transpose_a` $transpose_a^)? (`transpose_b` $transpose_b^)? $a `,` $b `,` $out attr-dict
    `:` type($a) `,` type($b) `,` type($out)
  }];
  let hasVerifier = 1;
}

def Plan_CopyOp : Plan_FunctionBodyOp<"copy"> {
  let summary = "copies a buffer";
  let description = [{
    With `row`, to the rows of the second buffer from there on.

    Example:

    ```mlir
    plan.copy %a, %b : memref<13x1xf32>, memref<13x1xf32>
    plan.copy %a, %b row 7 : memref<6x1xf32>, memref<13x1xf32>
    ```
  }];
  let arguments = (ins AnyMemRef:$from, AnyMemRef:$to, DefaultValuedAttr<I64Attr, "0">:$row);
  let assemblyFormat = "$from `,` $to (`row` $row^)? attr-dict `:` type($from) `,` type($to)";
  let hasVerifier = 1;
}

class Plan_TransferOp<string mnemonic> : Plan_FunctionBodyOp<mnemonic, [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let arguments = (ins AnyMemRef:$buffer, I64Attr:$server, I64Attr:$block, DefaultValuedAttr<I64Attr, "0">:$row);
}

def Plan_SendOp : Plan_TransferOp<"send"> {
  let summary = "hands a gradient to the server that owns its block";
  let description = [{
    The buffer is read when the next `plan.send_barrier` runs; until then it
    must not change. The block is the whole buffer, or as many of its rows as
    it has, from `row` on.

    Example:

    ```mlir
    plan.send %dw to 0 block 1 : memref<13x1xf32>
    plan.send %dw row 7 to 0 block 1 : memref<13x1xf32>
    ```
  }];
  let assemblyFormat = "$buffer (`row` $row^)? `to` $server `block` $block attr-dict `:` type($buffer)";
}

def Plan_RecvOp : Plan_TransferOp<"recv"> {
  let summary = "receives a parameter block";
  let description = [{
    The buffer, or its rows from `row` on, is written when the next
    `plan.fetch_barrier` runs.

    Example:

    ```mlir
    plan.recv %w from 0 block 1 : memref<13x1xf32>
    plan.recv %w row 7 from 0 block 1 : memref<13x1xf32>
    ```
  }];
  let assemblyFormat = "$buffer (`row` $row^)? `from` $server `block` $block attr-dict `:` type($buffer)";
}

def Plan_SendBarrierOp : Plan_FunctionBodyOp<"send_barrier"> {
  let summary = "ends the sends of a step";
  let description = [{
    Everything sent since the last one leaves, in one frame a server.

    Example:

    ```mlir
    plan.send_barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Plan_AgreeOp : Plan_FunctionBodyOp<"agree",
    [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "makes servers agree on a sum before they update";
  let description = [{
    Waits for the part of each block (of these servers, by number) of what was
    sent, adds them in this order, and tells these servers the sum.

    Example:

    ```mlir
    plan.agree [0, 1] blocks [0, 0]
    ```
  }];
  let arguments = (ins DenseI64ArrayAttr:$servers, DenseI64ArrayAttr:$blocks);
  let assemblyFormat = "$servers `blocks` $blocks attr-dict";
}

def Plan_FetchBarrierOp : Plan_FunctionBodyOp<"fetch_barrier"> {
  let summary = "waits for the receives of a step";
  let description = [{
    Example:

    ```mlir
    plan.fetch_barrier
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Plan_SubmitOp : Plan_FunctionBodyOp<"submit"> {
  let summary = "ends the sends of an asynchronous step";
  let description = [{
    Everything sent since the last one is copied into a queue of at most `queue`
    steps, of which up to `merge` leave in one push.

    Example:

    ```mlir
    plan.submit queue = 4 merge = 4
    ```
  }];
  let arguments = (ins I64Attr:$queue, I64Attr:$merge);
  let assemblyFormat = "`queue` `=` $queue `merge` `=` $merge attr-dict";
}

def Plan_FetchLatestOp : Plan_FunctionBodyOp<"fetch_latest"> {
  let summary = "ends the receives of an asynchronous step";
  let description = [{
    Writes the newest values that have come; without any, buffers stay as they
    are.

    Example:

    ```mlir
    plan.fetch_latest
    ```
  }];
  let assemblyFormat = "attr-dict";
}

def Plan_ConnectOp : Plan_FunctionBodyOp<"connect", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "waits until all members of a group are there";
  let description = [{
    Example:

    ```mlir
    plan.connect @world
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$group);
  let assemblyFormat = "$group attr-dict";
}

def Plan_BroadcastOp : Plan_FunctionBodyOp<"broadcast", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "gives all members of a group one member's state";
  let description = [{
    Example:

    ```mlir
    plan.broadcast %w from 0 in @world : memref<13x1xf32>
    ```
  }];
  let arguments = (ins AnyStaticShapeMemRef:$buffer, I64Attr:$root, FlatSymbolRefAttr:$group);
  let assemblyFormat = "$buffer `from` $root `in` $group attr-dict `:` type($buffer)";
}

def Plan_AllReduceStartOp : Plan_FunctionBodyOp<"all_reduce_start", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "begins to add a bucket over all members of a group";
  let description = [{
    In place. Until the `plan.collective_wait`, nothing else may touch buffers in
    the bucket.

    Example:

    ```mlir
    plan.all_reduce_start @bucket_0 in @world
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$bucket, FlatSymbolRefAttr:$group);
  let assemblyFormat = "$bucket `in` $group attr-dict";
}

class Plan_PartsStartOp<string mnemonic, string summary_, string example>
    : Plan_FunctionBodyOp<mnemonic, [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = summary_;
  let description = [{
    Of tensors that begin at `offsets` of a bucket, each with one part of
    `elements` for every member of the group, in the order of members.

    Example:

    ```mlir
  }] # "  " # example # [{

    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$bucket, FlatSymbolRefAttr:$group,
                       DenseI64ArrayAttr:$offsets, DenseI64ArrayAttr:$elements);
  let assemblyFormat = "$bucket `at` $offsets `parts` $elements `in` $group attr-dict";
}

def Plan_ReduceScatterStartOp : Plan_PartsStartOp<"reduce_scatter_start",
    "begins to add tensors of a bucket, of which each member gets a part",
    "plan.reduce_scatter_start @bucket_0 at [0, 16] parts [7, 1] in @world">;

def Plan_AllGatherStartOp : Plan_PartsStartOp<"all_gather_start",
    "begins to gather the parts of tensors of a bucket",
    "plan.all_gather_start @bucket_1 at [0, 16] parts [7, 1] in @world">;

def Plan_CopyPartOp : Plan_FunctionBodyOp<"copy_part", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "copies a member's part of a buffer";
  let description = [{
    The elements of `from` that begin at the process' rank in the group times those
    of `to`, and zeros where `from` ends before.

    Example:

    ```mlir
    plan.copy_part %w, %part in @world : memref<13x1xf32>, memref<7xf32>
    ```
  }];
  let arguments = (ins AnyStaticShapeMemRef:$from, AnyStaticShapeMemRef:$to,
                       FlatSymbolRefAttr:$group);
  let assemblyFormat = "$from `,` $to `in` $group attr-dict `:` type($from) `,` type($to)";
}

def Plan_CollectiveWaitOp : Plan_FunctionBodyOp<"collective_wait", [DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "waits for the call on a bucket";
  let description = [{
    Example:

    ```mlir
    plan.collective_wait @bucket_0
    ```
  }];
  let arguments = (ins FlatSymbolRefAttr:$bucket);
  let assemblyFormat = "$bucket attr-dict";
}

def Plan_OutputOp : Plan_FunctionBodyOp<"output"> {
  let summary = "names a scalar that the step reports";
  let description = [{
    Example:

    ```mlir
    plan.output "loss" %loss : memref<f32>
    ```
  }];
  let arguments = (ins StrAttr:$name, AnyMemRef:$buffer);
  let assemblyFormat = "$name $buffer attr-dict `:` type($buffer)";
  let hasVerifier = 1;
}

include "dialects/Plan/IR/PlanTableOps.td"

#endif // FLEET_DIALECTS_PLAN_IR_PLANOPS
