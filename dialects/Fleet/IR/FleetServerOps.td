//===- FleetServerOps.td - What a parameter server does --------*- tablegen -*-===//

#ifndef FLEET_DIALECTS_FLEET_IR_FLEETSERVEROPS
#define FLEET_DIALECTS_FLEET_IR_FLEETSERVEROPS

def Fleet_ServeOp : Fleet_Op<"serve",
    [SingleBlock, NoTerminator, NoRegionArguments]> {
  let summary = "serves parameter blocks until all trainers are done";
  let description = [{
    In mode `sync` waits in each step for the gradients of all `trainers`,
    applies their mean, one handler a block, and answers all with the new blocks.
    In mode `half_async` applies the gradients of each trainer when they come,
    all blocks of a push at once, and answers that trainer: trainers wait for
    their own updates, not for each other. In mode `async` it does the
    same, but trainers do not wait for the answer either. In mode `geo` it does
    the same with what a trainer has changed in some steps: its handlers add
    that.

    Example:

    ```mlir
    fleet.serve endpoint = "127.0.0.1:6170", trainers = 2, sync {
      fleet.on "w@GRAD" update @update_w serve @w as "w"
    }
    ```
  }];
  let arguments = (ins StrAttr:$endpoint, I64Attr:$trainers,
                       Fleet_SyncModeAttr:$sync);
  let regions = (region SizedRegion<1>:$handlers);
  let assemblyFormat = [{
    `endpoint` `=` $endpoint `,` `trainers` `=` $trainers `,` `` $sync $handlers
    attr-dict
  }];
  let hasVerifier = 1;
  let hasRegionVerifier = 1;
}

def Fleet_OnOp : Fleet_Op<"on",
    [HasParent<"ServeOp">, DeclareOpInterfaceMethods<SymbolUserOpInterface>]> {
  let summary = "what a server does with one block";
  let description = [{
    When all trainers (except in mode `sync`: one of them) have sent `gradient`,
    calls `update` with the merged gradient; trainers receive the parameter under
    `name`. An update of two arguments (`half_async` and `async`) also gets the
    parameter as the trainer of the gradient received it last, and can compensate
    for the delay.

    With `part` (mode `sync`), that function first makes a scalar of the merged
    gradient, trainers agree on the sum of such scalars (`fleet.agree`), and
    `update` is called with the gradient and that sum.

    Example:

    ```mlir
    fleet.on "w@GRAD" update @update_w serve @w as "w"
    fleet.on "b@GRAD" part @part_b update @update_b serve @b as "b"
    ```
  }];
  let arguments = (ins StrAttr:$gradient,
                       OptionalAttr<FlatSymbolRefAttr>:$part,
                       FlatSymbolRefAttr:$update,
                       FlatSymbolRefAttr:$parameter, StrAttr:$name);
  let assemblyFormat = [{
    $gradient (`part` $part^)? `update` $update `serve` $parameter `as` $name
    attr-dict
  }];
}

#endif // FLEET_DIALECTS_FLEET_IR_FLEETSERVEROPS
